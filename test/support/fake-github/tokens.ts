import { createPublicKey, createVerify, randomBytes } from 'node:crypto';
import type { Account } from './accounts.js';
import { ApiError, badCredentials } from './api-error.js';
import { appKeys } from './app-registration.js';
import type { Installation } from './installation.js';
import type { FakeRepository } from './repository.js';
import type { World } from './world.js';

/** A token of an installation, as POST /app/installations/{id}/access_tokens makes it. */
export interface InstallationToken {
  token: string;
  installation: Installation;
  permissions: Record<string, string>;
  /** Only these; undefined: all of the installation. */
  repositories: FakeRepository[] | undefined;
  expiresAt: Date;
}

/** Whom a request comes from. */
export type Actor =
  | { kind: 'anonymous' }
  | { kind: 'app' }
  | { kind: 'installation'; token: InstallationToken }
  | { kind: 'user'; user: Account };

/** Who may come in, and as whom. */
export class Tokens {
  /** Every installation token ever made, oldest first. */
  readonly issued: InstallationToken[] = [];
  /** How long the next tokens live. */
  lifetimeMs = 3_600_000;
  private readonly personal = new Map<string, Account>();

  constructor(private readonly world: World) {}

  /** A classic personal access token of a user. */
  issuePersonal(user: Account): string {
    const token = `ghp_${randomBytes(18).toString('hex')}`;
    this.personal.set(token, user);
    return token;
  }

  /** A token of all that the installation may do, or of the part asked for. */
  issue(
    installation: Installation,
    permissions = { ...installation.permissions },
    repositories?: FakeRepository[],
  ): InstallationToken {
    const issued = {
      // Newer tokens are far longer than the 40 characters that programs used to expect.
      token: `ghs_${this.world.app.id}_${randomBytes(240).toString('base64url')}`,
      installation,
      permissions,
      repositories,
      expiresAt: new Date(this.world.now() + this.lifetimeMs),
    };
    this.issued.push(issued);
    return issued;
  }

  /** Ends every installation token there is, as an hour would. */
  expireAll(): void {
    for (const token of this.issued) token.expiresAt = new Date(0);
  }

  /** The actor of an Authorization header: Bearer or token, or Basic as git sends it. Throws 401. */
  authenticate(header: string | undefined): Actor {
    if (!header) return { kind: 'anonymous' };
    const [scheme = '', value = ''] = header.split(' ');
    const basic = scheme.toLowerCase() === 'basic';
    const token = basic ? Buffer.from(value, 'base64').toString().split(':').slice(1).join(':') : value;
    const user = this.personal.get(token);
    if (user) return { kind: 'user', user };
    const issued = this.issued.find((each) => each.token === token);
    if (issued) return this.usable(issued);
    if (token.split('.').length === 3) return this.authenticateApp(token);
    throw badCredentials();
  }

  private usable(token: InstallationToken): Actor {
    const { installation } = token;
    if (token.expiresAt.getTime() <= this.world.now() || !this.world.installations.includes(installation)) {
      throw badCredentials();
    }
    if (installation.suspendedAt) throw new ApiError(403, 'This installation has been suspended');
    return { kind: 'installation', token };
  }

  /** A JSON web token signed with the App's private key (RS256), at most ten minutes ahead. */
  private authenticateApp(jwt: string): Actor {
    const [header = '', claims = '', signature = ''] = jwt.split('.');
    const verify = createVerify('RSA-SHA256').update(`${header}.${claims}`);
    if (!verify.verify(createPublicKey(appKeys().publicKey), signature, 'base64url')) {
      throw new ApiError(401, 'A JSON web token could not be decoded');
    }
    const { exp, iat, iss } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<
      string,
      unknown
    >;
    const now = this.world.now() / 1000;
    if (typeof exp !== 'number' || exp <= now) {
      const message =
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
      throw new ApiError(401, message);
    }
    if (exp > now + 660) throw new ApiError(401, "'Expiration time' claim ('exp') is too far in the future");
    if (typeof iat !== 'number' || iat > now + 60) {
      const message =
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
      throw new ApiError(401, message);
    }
    if (![String(this.world.app.id), this.world.app.clientId].includes(String(iss))) {
      throw new ApiError(404, 'Integration not found');
    }
    return { kind: 'app' };
  }
}

/** How the request log names an actor. */
export function actorName(actor: Actor): string {
  if (actor.kind === 'installation') return `installation ${actor.token.installation.account.login}`;
  return actor.kind === 'user' ? `user ${actor.user.login}` : actor.kind;
}
