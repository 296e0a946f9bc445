import { Entity, PrimaryColumn } from 'typeorm';
import { Text, Time } from '../columns.js';

/** One setting that the dashboard set; what is not here comes from the repository's file or the defaults. */
@Entity('project_settings')
export class ProjectSetting {
  @PrimaryColumn({ type: 'varchar', length: 36 }) projectId!: string;
  @PrimaryColumn({ type: 'varchar', length: 64 }) key!: string;
  /** JSON; encrypted where the setting is secret. */
  @Text() value!: string;
  @Time() updatedAt!: Date;
}
