import { Injectable } from '@nestjs/common';
import { type Principal } from '@token-relay/jwt-guard';
import { type Logger } from '@token-relay/service-kit';
import { randomUUID } from 'node:crypto';

/** Who did what for whom. */
export interface AuditEntry {
  readonly id: string;
  readonly recordedAt: string;
  readonly action: string;
  readonly target: string | undefined;
  /** For whom: `principal.id`. */
  readonly principal: string;
  readonly subject: string;
  /** By whom: the services that acted, the one that called first. */
  readonly actor: readonly string[];
  readonly tokenId: string | undefined;
}

/** The latest entries, for whoever asks what happened just now. */
export interface LatestEntries {
  /** @throws StoreUnavailable where they are in Redis */
  add(entry: AuditEntry): Promise<void>;
  /** Newest first. @throws StoreUnavailable where they are in Redis */
  latest(limit: number): Promise<readonly AuditEntry[]>;
}

/** Writes every entry to the log, which is the record that lasts, and keeps the latest at hand. */
@Injectable()
export class AuditLog {
  constructor(
    private readonly entries: LatestEntries,
    private readonly logger: Pick<Logger, 'info'>,
  ) {}

  /** @throws StoreUnavailable: then nothing was recorded, and what was to be recorded must not happen */
  async record(principal: Principal, action: string, target: string | undefined): Promise<AuditEntry> {
    const entry: AuditEntry = {
      id: randomUUID(),
      recordedAt: new Date().toISOString(),
      action,
      target,
      principal: principal.id,
      subject: principal.subject,
      actor: principal.actor,
      tokenId: principal.tokenId,
    };
    await this.entries.add(entry);
    this.logger.info({ audit: entry }, 'audit');
    return entry;
  }

  /** The latest entries, newest first. */
  latest(limit: number): Promise<readonly AuditEntry[]> {
    return this.entries.latest(limit);
  }
}
