import { type Provider, type Type } from '@nestjs/common';
import { type CopiedRevocations, type DestinationContract } from '@token-relay/jwt-guard';
import { ExplainedCalls, type Logger, RevocationWatch, StartRefused } from '@token-relay/service-kit';
import { isDemo } from '../demo/demo-accounts.controller';
import { type GatewayConfig } from '../gateway.config';
import { AssetsController } from './assets.controller';
import { ATTACK_PROVIDERS, AttacksController } from './attacks/attacks.controller';
import { ConsoleFiles } from './console-files';
import { ConsoleEvents } from './events/console-events';
import { ConsoleStreams } from './events/console-streams';
import { DemoEventsController, EventsController } from './events/events.controller';
import { heardContracts } from './events/heard-contract';
import { RevocationReports } from './events/revocation-reports';
import { hasConsole } from './has-console';
import { DemoInspectController, InspectController } from './inspect/inspect.controller';
import { Inspector } from './inspect/inspector';
import { RelayViewController } from './relay/relay-view.controller';
import { relayContractOf, RELAY_VIEW_MODES, relayViewContracts } from './relay/relay-view-contracts';
import { CONSOLE_SETTINGS, type ConsoleSettings, SettingsController } from './settings.controller';

/** What the gateway has besides where the console is on. */
export interface ConsoleParts {
  /** Told what the verifier and the relay do; absent where the console is off. */
  readonly events?: ConsoleEvents;
  readonly contracts: Readonly<Record<string, DestinationContract>>;
  readonly controllers: readonly Type[];
  readonly providers: readonly Provider[];
}

const NONE: ConsoleParts = Object.freeze({ contracts: {}, controllers: [], providers: [] });

/**
 * @param folder where the console was built to. Default: that of its package
 * @throws StartRefused where it is asked for, and was not built
 */
export function consoleParts(
  config: GatewayConfig,
  revocations: CopiedRevocations,
  logger: Pick<Logger, 'warn'>,
  folder?: string,
): ConsoleParts {
  const files = hasConsole(config) ? readFiles(config, logger, folder) : undefined;
  if (!files) return NONE;
  const demo = isDemo(config);
  const events = new ConsoleEvents();
  const views = relayViewContracts(config);
  const modes = RELAY_VIEW_MODES.filter(
    // Where services hand on the user's own token, audit takes no other, and resource would hand on one of its own.
    (mode) => Object.hasOwn(views, relayContractOf(mode)) && !(mode === 'exchange' && config.RELAY_MODE === 'forward'),
  );
  const settings: ConsoleSettings = { demo, modes };
  return {
    events,
    contracts: { ...views, ...heardContracts(config) },
    controllers: [
      AssetsController,
      SettingsController,
      ...(demo
        ? [DemoInspectController, DemoEventsController, AttacksController]
        : [InspectController, EventsController]),
      ...(modes.length > 0 ? [RelayViewController] : []),
    ],
    providers: [
      { provide: ConsoleFiles, useValue: files },
      { provide: CONSOLE_SETTINGS, useValue: settings },
      { provide: ConsoleEvents, useValue: events },
      // To whoever holds the token, and on the machine of a developer: the same as `Inspector` says there.
      { provide: ExplainedCalls, useValue: new ExplainedCalls(demo) },
      { provide: RevocationWatch, useFactory: () => new RevocationWatch(revocations) },
      ConsoleStreams,
      RevocationReports,
      Inspector,
      ...(demo ? ATTACK_PROVIDERS : []),
    ],
  };
}

/** Nothing where it is only on because there is a demo, which is good for something without it. */
function readFiles(
  { CONSOLE: isAskedFor }: Pick<GatewayConfig, 'CONSOLE'>,
  logger: Pick<Logger, 'warn'>,
  folder: string | undefined,
): ConsoleFiles | undefined {
  try {
    return ConsoleFiles.read(folder);
  } catch (error) {
    if (isAskedFor || !(error instanceof StartRefused)) throw error;
    logger.warn('the console was not built, and there is none: npx nx build console');
    return undefined;
  }
}
