import { Module } from '@nestjs/common';
import { RelayModuleBase } from './relay-options';
import { RelayHttpClient } from './relay-http-client';
import { TokenRelay } from './token-relay';

/** Lets this service call others on behalf of its callers, by one contract per destination. */
@Module({ providers: [TokenRelay, RelayHttpClient], exports: [TokenRelay, RelayHttpClient] })
export class RelayModule extends RelayModuleBase {}
