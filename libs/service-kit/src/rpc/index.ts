// A part of its own: only services that speak RPC need Nest's package for it.
export { drainingSocket } from './draining-socket';
export { RenewingTcpClient, type RenewingTcpClientOptions } from './renewing-tcp-client';
