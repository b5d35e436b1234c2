import {
  Body,
  Controller,
  Get,
  Headers,
  Inject,
  Logger,
  type OnModuleDestroy,
  Post,
  Req,
  Res,
  UseGuards,
} from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { Drain, ProblemException, StoreUnavailable } from '@token-relay/service-kit';
import { type ServerResponse } from 'node:http';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { ClientAuthentication, type Reply } from '../clients/client-authentication';
import { type Client } from '../clients/client-registry';
import { OneAuthorization } from '../clients/one-authorization.guard';
import { formParameters } from '../tokens/form-parameters';
import { LARGEST_AGE_SECONDS, writeFeed } from './feed-stream';
import { RevocationLog } from './revocation-log';

/** Fastify's. */
interface StreamingReply extends Reply {
  readonly raw: ServerResponse;
  header(name: string, value: string): StreamingReply;
  hijack(): unknown;
  send(): unknown;
}

const EVENT_STREAM = 'text/event-stream';

/** Everything that is revoked, and what comes, as server-sent events, for the services that verify tokens. */
@Controller('revocations')
@UseGuards(OneAuthorization)
export class RevocationFeedController implements OnModuleDestroy {
  readonly #ending = new AbortController();
  readonly #open = new Set<Promise<void>>();
  readonly #logger = new Logger(RevocationFeedController.name);

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: Pick<AuthConfig, 'ISSUER'>,
    @Inject(ClientAuthentication) private readonly clients: ClientAuthentication,
    @Inject(RevocationLog) private readonly log: RevocationLog,
    @Inject(Drain) private readonly drain: Drain,
  ) {}

  @Public('Clients authenticate with their secret.')
  @Get('feed')
  async feed(
    @Headers('authorization') authorization: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: { readonly method: string },
    @Res() reply: StreamingReply,
  ): Promise<void> {
    const client = allowed(await this.clients.authenticate(authorization, reply));
    // Another replica may know more.
    if (request.method === 'HEAD') return void reply.header('content-type', EVENT_STREAM).send();
    this.begin(client, lastEventId, reply);
  }

  /** The same for whoever authenticates by what stands in a form, which no address and no log may hold. */
  @Public('Clients authenticate with what they sign.')
  @Post('feed')
  async feedByForm(
    @Headers('authorization') authorization: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Body() body: unknown,
    @Res() reply: StreamingReply,
  ): Promise<void> {
    this.begin(
      allowed(await this.clients.authenticate(authorization, reply, formParameters(body))),
      lastEventId,
      reply,
    );
  }

  /** @throws StoreUnavailable while this auth itself is behind */
  private begin(client: Client, lastEventId: string | undefined, reply: StreamingReply): void {
    if (this.#ending.signal.aborted || !(this.log.ageSeconds <= LARGEST_AGE_SECONDS)) throw new StoreUnavailable();
    // What is written past the reply is known by its type, as other streams are.
    reply.header('content-type', EVENT_STREAM).hijack();
    const open = this.write(reply.raw, client.id, lastEventId);
    this.#open.add(open);
    void open.then(() => this.#open.delete(open));
  }

  /** Before the app waits for its open connections: these would never end. */
  async onModuleDestroy(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#open);
  }

  private async write(response: ServerResponse, clientId: string, lastEventId: string | undefined): Promise<void> {
    const ended = new AbortController();
    const undrain = this.drain.lasting(() => ended.abort());
    response.once('close', () => ended.abort());
    response.writeHead(200, {
      'content-type': EVENT_STREAM,
      'cache-control': 'no-store',
      // When it ends its subscriber wants another server.
      connection: 'close',
      // For proxies that would collect what is written.
      'x-accel-buffering': 'no',
    });
    this.#logger.log(`${clientId} follows the feed`);
    const signal = AbortSignal.any([ended.signal, this.#ending.signal]);
    try {
      await writeFeed(response, this.log, { issuer: this.config.ISSUER, lastEventId, signal });
    } catch (error) {
      // Ended while it waited for the subscriber.
      if (!signal.aborted) this.#logger.error(error);
    } finally {
      undrain();
      response.end();
      this.#logger.log(`${clientId} does not follow the feed any more`);
    }
  }
}

/** @throws ProblemException 403 `client_scope_missing` */
function allowed(client: Client): Client {
  if (client.scopes.includes('revocations:read')) return client;
  throw new ProblemException(403, 'client_scope_missing', 'The client may not read what was revoked.');
}
