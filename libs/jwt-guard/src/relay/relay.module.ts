import { type DynamicModule, Module } from '@nestjs/common';
import { RelayHttpClient } from './relay-http-client';
import { type DestinationName, RelayModuleBase, type RelayOptions } from './relay-options';
import { TokenRelay } from './token-relay';

/** Lets this service call others on behalf of its callers, by one contract per destination. */
@Module({ providers: [TokenRelay, RelayHttpClient], exports: [TokenRelay, RelayHttpClient] })
export class RelayModule extends RelayModuleBase {
  /**
   * @param options with a contract for each destination; where an app declares its `RelayDestinations`, exactly those
   */
  static override forRoot(options: RelayOptions<DestinationName>): DynamicModule {
    return super.forRoot(options);
  }
}
