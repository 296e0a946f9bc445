/**
 * Tokens that git may use, each to read one repository. GitHub ends one an hour after it was made; here one is given
 * out for half of that, so that the longest fetch still ends in time. A pipeline then begins one request earlier.
 */
const GIVEN_OUT_MS = 30 * 60_000;

export interface GitToken {
  token: string;
  /** Says that it was refused. @returns whether that may be its age, and the next token do */
  refused: () => boolean;
}

interface Kept {
  token: Promise<string>;
  untilMs: number;
}

export class GitTokens {
  private readonly kept = new Map<string, Kept>();

  /** @param mint makes a token that reads this repository of the installation */
  constructor(private readonly mint: (installationId: number, repository: string) => Promise<string>) {}

  /** The same for all who ask at a time. @param fullName with its owner */
  async of(installationId: number, fullName: string): Promise<GitToken> {
    const key = `${installationId}:${fullName}`;
    const known = this.kept.get(key);
    const isKept = known !== undefined && known.untilMs > Date.now();
    const used = isKept ? known : this.make(key, installationId, fullName);
    const refused = () => {
      this.forget(key, used);
      return isKept;
    };
    return { token: await used.token, refused };
  }

  private make(key: string, installationId: number, fullName: string): Kept {
    const nowMs = Date.now();
    for (const [other, { untilMs }] of this.kept) if (untilMs <= nowMs) this.kept.delete(other);
    const made = {
      token: this.mint(installationId, fullName.split('/')[1]!),
      untilMs: nowMs + GIVEN_OUT_MS,
    };
    this.kept.set(key, made);
    made.token.catch(() => this.forget(key, made));
    return made;
  }

  private forget(key: string, kept: Kept): void {
    if (this.kept.get(key) === kept) this.kept.delete(key);
  }
}
