import { Entity, PrimaryColumn } from 'typeorm';
import { Flag, Time } from '../columns.js';

/** How far one command of a comment, or one press of a button, has come. */
@Entity('handled_commands')
export class HandledCommand {
  /** `comment:<id>:<index>` or `press:<delivery id>`. */
  @PrimaryColumn({ type: 'varchar', length: 160 }) cause!: string;
  /** Whether a reply was begun: then it is looked for before it is written. */
  @Flag({ default: false }) replyBegun!: boolean;
  @Flag({ default: false }) handled!: boolean;
  @Time() createdAt!: Date;
}
