import { Controller, Get, Inject, UseGuards } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { StartRefused } from '@token-relay/service-kit';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ApiHeaders } from '../api-headers';
import { type GatewayConfig } from '../gateway.config';
import { OwnNameGuard } from './own-name.guard';

const accountsFile = z.array(z.object({ username: z.string(), password: z.string(), scopes: z.array(z.string()) }));
export type DemoAccounts = z.infer<typeof accountsFile>;
export const DEMO_ACCOUNTS = Symbol('demo-accounts');

/**
 * The demo accounts with their passwords – on a developer's machine, which is asked by its own name. Elsewhere
 * the route isn't there: the module doesn't have this controller.
 */
@Controller('demo')
@UseGuards(OwnNameGuard)
export class DemoAccountsController {
  constructor(@Inject(DEMO_ACCOUNTS) private readonly accounts: DemoAccounts) {}

  @Public('Throw-away accounts, on the machine that made them, in development.')
  @Get('accounts')
  @ApiHeaders()
  list(): DemoAccounts {
    return this.accounts;
  }
}

type DemoConfig = Pick<GatewayConfig, 'DEMO' | 'DEMO_ACCOUNTS_FILE' | 'HOST' | 'NODE_ENV'>;

/** Whether there is a demo: asked for, in development, and reachable from this machine alone. */
export function isDemo(config: DemoConfig): boolean {
  return config.DEMO && config.NODE_ENV === 'development' && config.HOST === '127.0.0.1';
}

/** @throws StartRefused when `DEMO_ACCOUNTS_FILE` can't be read */
export function readDemoAccounts(config: DemoConfig): DemoAccounts {
  try {
    return accountsFile.parse(JSON.parse(readFileSync(config.DEMO_ACCOUNTS_FILE ?? '', 'utf8')));
  } catch {
    throw new StartRefused('DEMO_ACCOUNTS_FILE can not be read: with DEMO=1 it has to list the demo accounts');
  }
}
