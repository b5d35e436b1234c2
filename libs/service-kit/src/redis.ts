import Redis, { Cluster, type ClusterOptions, type RedisOptions } from 'ioredis';
import { z } from 'zod';
import { type TlsConnection } from './tls';

export type RedisClient = Redis | Cluster;

/** One Redis; or some nodes of a cluster, joined by commas. */
export const redisUrl = () =>
  z
    .string()
    .refine(
      (value) => value.split(',').every((node) => /^rediss?:\/\/./.test(node.trim()) && URL.canParse(node.trim())),
      'must be a redis:// or rediss:// URL, or several joined by commas',
    );

/** Long enough for a busy server, short enough for whoever waits for the answer. */
const COMMAND_TIMEOUT_MS = 1_000;
/** Longer than a read that waits for the next event. */
const WAITING_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_DELAY_MS = 500;

/**
 * A connection whose commands fail within a second while Redis is away, instead of waiting for it: an outage has to
 * become a decision. It connects again by itself, for as long as it isn't disconnected.
 *
 * @param url of one Redis; or those of some nodes of a cluster, joined by commas
 * @param onTrouble is told why a connection has failed, each time
 * @param use `waiting` for the one that waits for events, and for nothing else
 * @param tls what connections by `rediss:` are secured with, read at each. Default: what Node trusts, and no certificate
 */
export function connectRedis(
  url: string,
  onTrouble: (reason: string) => void,
  use: 'commands' | 'waiting' = 'commands',
  tls: TlsConnection | undefined = undefined,
): RedisClient {
  const commandTimeout = use === 'commands' ? COMMAND_TIMEOUT_MS : WAITING_TIMEOUT_MS;
  const nodes = url.split(',').map((node) => node.trim());
  const [node = ''] = nodes;
  const redis =
    nodes.length === 1
      ? new Redis(node, {
          ...common(commandTimeout),
          ...secured(node, tls),
          retryStrategy: delay,
          maxRetriesPerRequest: 1,
        })
      : new Cluster(nodes, clusterOptions(node, commandTimeout, tls));
  redis.on('error', (error: Error) => onTrouble(error.message));
  return redis;
}

/**
 * The same for commands, where the trouble is told once, until the connection is there again.
 *
 * @param tell is told why a connection has failed
 */
export function connectRedisTelling(
  url: string,
  tell: (reason: string) => void,
  tls: TlsConnection | undefined = undefined,
): RedisClient {
  let isTold = false;
  const onTrouble = (reason: string): void => {
    if (!isTold) tell(reason);
    isTold = true;
  };
  return connectRedis(url, onTrouble, 'commands', tls).on('ready', () => (isTold = false));
}

const delay = (attempt: number): number => Math.min(50 * attempt, MAX_RECONNECT_DELAY_MS);

function common(commandTimeout: number) {
  return {
    commandTimeout,
    connectTimeout: 2_000,
    // A connection that swallows everything is dead, and a new one may not be.
    socketTimeout: commandTimeout + 1_000,
    enableOfflineQueue: false,
    // A user of Redis that may only do its work mayn't name its client, and each try would be noted there as a breach.
    disableClientInfo: true,
    // A replica that was the primary until a moment ago: another may be where this one was.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

function clusterOptions(node: string, commandTimeout: number, tls: TlsConnection | undefined): ClusterOptions {
  const { username, password } = new URL(node);
  return {
    enableOfflineQueue: false,
    clusterRetryStrategy: delay,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
    maxRedirections: 3,
    redisOptions: {
      ...common(commandTimeout),
      ...(password && { password: decodeURIComponent(password) }),
      ...(username && { username: decodeURIComponent(username) }),
      ...secured(node, tls),
    },
  };
}

/** The same object for all connections: what it holds is read at each. */
function secured(node: string, tls: TlsConnection = {} as TlsConnection): { readonly tls?: TlsConnection } {
  return node.startsWith('rediss:') ? { tls } : {};
}

/** Waits for the first connection, for as long as a start may take: without an offline queue commands fail before it. */
export async function connected(redis: RedisClient, limitMs = 10_000): Promise<boolean> {
  if (redis.status === 'ready') return true;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), limitMs);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
