/** Something that goes wrong on request. Without more, the request is answered with `status` and does nothing. */
export interface Fault {
  method?: string;
  /** A path such as /repos/acme/web/check-runs, or a pattern of it. /acme/web.git/git-upload-pack is where git gets objects. */
  path: string | RegExp;
  /** How many requests it hits; once. */
  times?: number;
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Never answers; the client gives up, or the fake is stopped. */
  hang?: boolean;
  /** Breaks the connection: before the effect, or in the middle of the answer with `onlyAfterEffect` and in git. */
  cut?: boolean;
  /** Waits before anything else. Alone it only delays. */
  delayMs?: number;
  /** Does what was asked, and fails then. */
  onlyAfterEffect?: boolean;
}

/** A fault that was set, with how many requests it hit so far. */
export interface ActiveFault extends Fault {
  hits: number;
}

/** The faults that a test asked for. */
export class Faults {
  private readonly all: ActiveFault[] = [];

  add(fault: Fault): ActiveFault {
    const active = { ...fault, hits: 0 };
    this.all.push(active);
    return active;
  }

  /** The fault that hits this request, counted. */
  take(method: string, path: string): ActiveFault | undefined {
    const fault = this.all.find(
      (each) =>
        each.hits < (each.times ?? 1) &&
        (each.method === undefined || each.method === method) &&
        (typeof each.path === 'string' ? each.path === path : each.path.test(path)),
    );
    if (fault) fault.hits += 1;
    return fault;
  }

  /** Faults that hit nothing: their tests don't show what they say they show. */
  unused(): string[] {
    return this.all
      .filter((fault) => fault.hits === 0)
      .map((fault) => `the fault on ${fault.method ?? 'any method'} ${String(fault.path)} hit no request`);
  }
}
