import { type HandlerPolicies } from '../handler-policy';
import { type Gateway } from './gateways';

/** Where a server takes sockets in; without a namespace: all of them. */
export interface Place {
  readonly port: number;
  readonly path: string | undefined;
  readonly namespace?: string | undefined;
}

/** Which gateways a socket can come to, and whether any of them is open to whoever has no token. */
export class GatewayPlaces {
  constructor(
    readonly gateways: readonly Gateway[],
    private readonly policies: HandlerPolicies,
  ) {}

  /** Whether everybody may connect: to a public gateway, and to one whose own guard is accepted. */
  isOpen({ controller }: Gateway): boolean {
    return this.policies.ofClass(controller).kind !== 'token';
  }

  /** Whether nobody there needs a token; false where no gateway is known. */
  isOpenAt(place: Place | undefined): boolean {
    const gateways = this.#at(place);
    return gateways.length > 0 && gateways.every((gateway) => this.isOpen(gateway));
  }

  /** Whether everybody there needs a token; true where no gateway is known. */
  needsTokenAt(place: Place | undefined): boolean {
    return !this.#at(place).some((gateway) => this.isOpen(gateway));
  }

  #at(place: Place | undefined): Gateway[] {
    return this.gateways.filter(
      ({ port, path, namespace }) =>
        port === place?.port && path === place.path && (!('namespace' in place) || namespace === place.namespace),
    );
  }
}
