/** A person, organization or bot. */
export interface Account {
  id: number;
  login: string;
  type: 'User' | 'Organization' | 'Bot';
}

export type Permission = 'none' | 'read' | 'triage' | 'write' | 'maintain' | 'admin';
export const PERMISSIONS: readonly Permission[] = ['none', 'read', 'triage', 'write', 'maintain', 'admin'];

/** Accounts come into being when they are first named; a name that ends in [bot] is a bot's. */
export class Accounts {
  private readonly byLogin = new Map<string, Account>();

  constructor(private readonly nextId: () => number) {}

  named(login: string, type?: Account['type']): Account {
    const key = login.toLowerCase();
    let account = this.byLogin.get(key);
    if (!account) {
      account = { id: this.nextId(), login, type: type ?? (login.endsWith('[bot]') ? 'Bot' : 'User') };
      this.byLogin.set(key, account);
    }
    return account;
  }

  find(login: string): Account | undefined {
    return this.byLogin.get(login.toLowerCase());
  }
}
