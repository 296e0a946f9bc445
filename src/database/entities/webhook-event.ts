import { Entity, Index } from 'typeorm';
import { CompressedText, Id, Integer, Text, Time, Word } from '../columns.js';

export const EVENT_STATUSES = ['queued', 'processed', 'ignored', 'failed'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

/** One webhook as it was received. */
@Entity('webhook_events')
@Index('webhook_events_by_project', ['projectId', 'id'])
@Index('webhook_events_by_status', ['status', 'id'])
@Index('webhook_events_by_project_status', ['projectId', 'status', 'id'])
@Index('webhook_events_by_project_event', ['projectId', 'event', 'id'])
export class WebhookEvent {
  @Id() id!: string;
  /** GitHub's GUID; a redelivery keeps it. */
  @Index('webhook_events_by_delivery', { unique: true })
  @Word(100)
  deliveryId!: string;
  @Word(100) event!: string;
  @Word(100, { nullable: true }) action!: string | null;
  @Word(36, { nullable: true }) projectId!: string | null;
  @Integer({ nullable: true }) pullRequestNumber!: number | null;
  @Word(20) status!: EventStatus;
  /** The body as it was signed. */
  @CompressedText() payload!: string;
  @Text({ nullable: true }) error!: string | null;
  @Word(36, { nullable: true }) replayOf!: string | null;
  @Time() receivedAt!: Date;
  @Time({ nullable: true }) processedAt!: Date | null;
}
