import { Entity, Index } from 'typeorm';
import { BigInteger, Id, Text, Time, Word } from '../columns.js';

/** Our record of one repository. */
@Entity('projects')
export class Project {
  @Id() id!: string;
  @Word(200) name!: string;
  /** owner/name, as GitHub spells it. */
  @Word(200) fullName!: string;
  /** `fullName` in lower case: GitHub compares names without case. */
  @Index('projects_by_full_name', { unique: true })
  @Word(200)
  fullNameKey!: string;
  @Text({ default: '' }) description!: string;
  @Text() repositoryUrl!: string;
  @Word(255, { default: 'main' }) defaultBranch!: string;
  /** GitHub's number of the repository, which survives renames. */
  @Index('projects_by_repository_id')
  @BigInteger({ nullable: true })
  repositoryId!: number | null;
  /** Null where the App is not installed. */
  @BigInteger({ nullable: true }) installationId!: number | null;
  /** When the repository was deleted or the App removed from it; its history stays. */
  @Time({ nullable: true }) removedAt!: Date | null;
  /** The event that made it, where that told of several repositories and so is no project's own. */
  @Word(36, { nullable: true }) firstEventId!: string | null;
  @Time() createdAt!: Date;
  @Time() updatedAt!: Date;
}
