export interface FieldError {
  path: string;
  message: string;
}

/** An answer that is an error: RFC 9457 problem details. */
export class Problem extends Error {
  override name = 'Problem';
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly errors?: FieldError[],
  ) {
    super(detail);
  }
}
