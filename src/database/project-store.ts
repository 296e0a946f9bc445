import { Not, type EntityManager } from 'typeorm';
import { newId } from '../domain/ids.js';
import type { Database } from './database.js';
import { Project } from './entities/index.js';
import { findRow } from './rows.js';

/** A repository as GitHub describes it. */
export interface RepositoryFacts {
  id: number;
  name: string;
  full_name: string;
  description?: string | null | undefined;
  html_url?: string | undefined;
  default_branch?: string | undefined;
}

export class ProjectStore {
  constructor(
    private readonly database: Database,
    /** Where repositories are seen by people, without a slash at the end. */
    private readonly webUrl: string,
  ) {}

  find(id: string): Promise<Project | null> {
    return findRow(this.database.read, Project, { id });
  }

  findByFullName(fullName: string): Promise<Project | null> {
    return findRow(this.database.read, Project, { fullNameKey: fullName.toLowerCase() });
  }

  /**
   * The project of a repository, made where it is missing and brought up to date where GitHub's facts are newer.
   * GitHub's number decides which it is, so renames and transfers keep the project.
   * @param installationId undefined where the source does not tell: it is then left as it is
   */
  async follow(facts: RepositoryFacts, installationId?: number | null): Promise<Project> {
    const known = await findRow(this.database.read, Project, { repositoryId: facts.id });
    if (known && isUpToDate(known, facts, installationId)) return known;
    return this.database.write((tx) => this.followIn(tx, facts, installationId));
  }

  /**
   * Ties a project to the repository of its name and to the App's installation there; where another project is tied
   * to that repository, which was renamed, nothing changes.
   */
  async link(id: string, facts: RepositoryFacts, installationId: number): Promise<void> {
    await this.database.write(async (tx) => {
      if (await tx.existsBy(Project, { repositoryId: facts.id, id: Not(id) })) return;
      await tx.update(
        Project,
        { id, fullNameKey: facts.full_name.toLowerCase() },
        { fullName: facts.full_name, repositoryId: facts.id, installationId, removedAt: null },
      );
    });
  }

  async followIn(
    tx: EntityManager,
    facts: RepositoryFacts,
    installationId?: number | null,
  ): Promise<Project> {
    const key = facts.full_name.toLowerCase();
    const byName = await tx.findOneBy(Project, { fullNameKey: key });
    const byId = await tx.findOneBy(Project, { repositoryId: facts.id });
    const known = byId ?? (byName?.repositoryId === null ? byName : null);
    // Another repository has taken the name of one that is gone: the former keeps its history under a name of its own.
    if (byName && byName !== known && byName.id !== known?.id) await this.retire(tx, byName);

    const now = new Date();
    const values = {
      name: facts.name,
      fullName: facts.full_name,
      fullNameKey: key,
      repositoryId: facts.id,
      repositoryUrl: `${this.webUrl}/${facts.full_name}`,
      ...(facts.description === undefined ? {} : { description: facts.description ?? '' }),
      ...(facts.default_branch === undefined ? {} : { defaultBranch: facts.default_branch }),
      ...(installationId === undefined ? {} : { installationId }),
      removedAt: null,
      updatedAt: now,
    };
    if (known) {
      await tx.update(Project, { id: known.id }, values);
      return tx.findOneByOrFail(Project, { id: known.id });
    }
    const project = tx.create(Project, {
      id: newId(),
      description: '',
      defaultBranch: 'main',
      installationId: null,
      ...values,
      createdAt: now,
    });
    await tx.insert(Project, project);
    return project;
  }

  /** The App no longer reaches these repositories; what they did stays. */
  async remove(which: { repositoryIds: number[] } | { installationId: number }): Promise<void> {
    await this.database.write(async (tx) => {
      const now = new Date();
      const values = { installationId: null, removedAt: now, updatedAt: now };
      if ('installationId' in which) return void (await tx.update(Project, which, values));
      for (const repositoryId of which.repositoryIds) await tx.update(Project, { repositoryId }, values);
    });
  }

  private async retire(tx: EntityManager, project: Project): Promise<void> {
    const fullName = `${project.fullName.slice(0, 150)}~${project.id.slice(0, 13)}`;
    const now = new Date();
    await tx.update(
      Project,
      { id: project.id },
      { fullName, fullNameKey: fullName.toLowerCase(), installationId: null, removedAt: now, updatedAt: now },
    );
  }
}

function isUpToDate(project: Project, facts: RepositoryFacts, installationId?: number | null): boolean {
  return (
    project.removedAt === null &&
    project.fullName === facts.full_name &&
    (facts.default_branch === undefined || project.defaultBranch === facts.default_branch) &&
    (facts.description === undefined || project.description === (facts.description ?? '')) &&
    (installationId === undefined || project.installationId === installationId)
  );
}
