import { isDemo } from '../demo/demo-accounts.controller';
import { type GatewayConfig } from '../gateway.config';

type ConsoleConfig = Pick<GatewayConfig, 'CONSOLE'> & Parameters<typeof isDemo>[0];

/** Whether the console is served: where that is said, and else in the demo alone. */
export function hasConsole(config: ConsoleConfig): boolean {
  return config.CONSOLE ?? isDemo(config);
}
