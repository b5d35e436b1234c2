import { type INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { relayContextOf, runAs } from '@token-relay/jwt-guard';
import { type Logger } from '../logger';
import { rpcRefusalOf } from '../problem.filter';

type StartHook = (transportId: unknown, context: object, done: () => unknown) => unknown;

/** As much of `Server` (@nestjs/microservices) as is needed here. */
interface RpcServer {
  onProcessingStartHook: StartHook;
  onProcessingEndHook?: (transportId: unknown, context: object) => void;
}

/** Writes a line for each message that comes by RPC, when it is answered, as there is one for each request. */
export function logRpcCalls(app: INestApplicationContext, logger: Logger): void {
  const servers = app.get(ModulesContainer).getRpcTargetRegistry<RpcServer>();
  servers.subscribe((server) => {
    const begun = new WeakMap<object, number>();
    const { onProcessingStartHook: start, onProcessingEndHook: end } = server;
    server.onProcessingStartHook = (transportId, context, done) => {
      begun.set(context, performance.now());
      return start.call(server, transportId, context, done);
    };
    server.onProcessingEndHook = (transportId, context) => {
      logCall(logger, context, performance.now() - (begun.get(context) ?? performance.now()));
      end?.call(server, transportId, context);
    };
  });
}

function logCall(logger: Logger, message: object, took: number): void {
  const { getPattern } = message as { getPattern?: () => unknown };
  const { status = 200, code } = rpcRefusalOf(message) ?? {};
  const line = { pattern: textOf(getPattern?.call(message)), status, code, ms: Math.round(took * 10) / 10 };
  const write = (): void => logger.info(line, 'rpc');
  const context = relayContextOf(message);
  if (context) runAs(context, write);
  else write();
}

/** Objects as JSON: a pattern may be one, of any size. */
function textOf(pattern: unknown): string | undefined {
  return typeof pattern === 'string' ? pattern : JSON.stringify(pattern);
}
