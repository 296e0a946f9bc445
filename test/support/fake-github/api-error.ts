/** A refusal in the shape that GitHub gives it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly errors?: (Record<string, unknown> | string)[],
  ) {
    super(message);
  }

  get body(): Record<string, unknown> {
    return {
      message: this.message,
      ...(this.errors && { errors: this.errors }),
      documentation_url: 'https://docs.github.com/rest',
      status: String(this.status),
    };
  }
}

export const notFound = () => new ApiError(404, 'Not Found');
export const badCredentials = () => new ApiError(401, 'Bad credentials');
export const notForIntegrations = () => new ApiError(403, 'Resource not accessible by integration');

/** 422 about one field of a resource. */
export const validationFailed = (resource: string, field: string, message: string, code = 'custom') =>
  new ApiError(422, 'Validation Failed', [{ resource, code, field, message }]);
