import { type Gateway } from '../ws/gateways';
import { AUTHENTICATE_EVENT } from '../ws/websocket-guard';
import { type FoundHandler } from './handlers';
import { type CensusRow } from './policy-census';
import { none, type RowMaker } from './row-maker';

/** What is known of how Nest binds the gateways of an app. */
export interface GatewayBinding {
  /** Whether their messages are guarded: Nest 11 applies no global guard to them. */
  readonly guarded: boolean;
  /** Whether a microservice will bind them once more, out of reach of this app's guard and sockets. */
  readonly boundAgain: boolean;
}

const UNGUARDED = 'Nest has applied no global guard to gateways: @UseGuards(JwtGuard)';
const BOUND_AGAIN = 'a microservice with deferInitialization binds it once more, unguarded: connect it without';
const MADE_ANEW = 'a gateway that is made anew for each socket can not be held back until the token has come';
const NOT_ASKED = 'no guard is asked before handleConnection: @Public() on the gateway says that everybody may connect';

/** Of gateways: of connecting to each, and of its messages. */
export function gatewayRows(
  gateways: readonly Gateway[],
  handlers: readonly FoundHandler[],
  { guarded, boundAgain }: GatewayBinding,
  make: RowMaker,
): CensusRow[] {
  return gateways.flatMap((gateway) => {
    const at = placeOf(gateway);
    const messages = handlers.flatMap((found) => {
      if (found.kind !== 'ws' || found.controller !== gateway.controller) return [];
      const row = make.handler('ws', `message ${String(found.message)} ${at}`, found, { guarded, remedy: UNGUARDED });
      if (found.message !== AUTHENTICATE_EVENT) return [row];
      return [none(row, `${AUTHENTICATE_EVENT} is the message that brings the token`)];
    });
    const rows = [connectionRow(gateway, `connect ${at}`, make), ...messages];
    return boundAgain ? rows.map((row) => (row.policy === 'public' ? row : none(row, BOUND_AGAIN))) : rows;
  });
}

function connectionRow({ controller, instance }: Gateway, entry: string, make: RowMaker): CensusRow {
  const policy = make.rules.policies.ofClass(controller);
  const { handleConnection } = controller.prototype as { handleConnection?: unknown };
  const hasHandler = handleConnection !== undefined || instance?.handleConnection !== undefined;
  const at = { transport: 'ws', entry, handler: `${controller.name}${hasHandler ? '.handleConnection' : ''}` };
  if (policy.kind === 'guard' && hasHandler) return none(at, NOT_ASKED);
  const guarded = { guarded: !hasHandler || instance !== undefined, remedy: MADE_ANEW };
  // It counts for messages: a socket may be opened for as long as its token lasts.
  return make.described(at, policy.kind === 'token' ? { ...policy, whenStale: undefined } : policy, guarded);
}

function placeOf({ port, path = '/', namespace }: Gateway): string {
  return `${port === 0 ? '' : `:${port}`}${path}${namespace === undefined ? '' : ` ${namespace}`}`;
}
