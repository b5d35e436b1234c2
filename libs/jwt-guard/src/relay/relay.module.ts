import { type DynamicModule, Module } from '@nestjs/common';
import { RELAY_OPTIONS, type RelayOptions } from './relay-options';
import { RelayHttpClient } from './relay-http-client';
import { TokenRelay } from './token-relay';

/** Lets this service call others on behalf of its callers, by one contract per destination. */
@Module({})
export class RelayModule {
  static forRoot(options: RelayOptions): DynamicModule {
    return {
      module: RelayModule,
      global: true,
      providers: [{ provide: RELAY_OPTIONS, useValue: options }, TokenRelay, RelayHttpClient],
      exports: [TokenRelay, RelayHttpClient],
    };
  }
}
