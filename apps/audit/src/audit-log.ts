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

/** How many entries are kept at hand. */
export const KEPT = 1_000;

/**
 * Writes every entry to the log, which is the record that lasts, and keeps the latest at hand.
 */
@Injectable()
export class AuditLog {
  readonly #latest: AuditEntry[] = [];

  constructor(private readonly logger: Logger) {}

  record(principal: Principal, action: string, target: string | undefined): AuditEntry {
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
    this.logger.info({ audit: entry }, 'audit');
    this.#latest.push(entry);
    if (this.#latest.length > KEPT) this.#latest.shift();
    return entry;
  }

  /** The latest entries, newest first. */
  latest(limit: number): readonly AuditEntry[] {
    return this.#latest.slice(-limit).reverse();
  }
}
