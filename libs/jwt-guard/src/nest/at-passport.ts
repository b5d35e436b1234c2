import { type ExecutionContext } from '@nestjs/common';

/**
 * A call while passport is asked about it. passport makes functions for each request that hold all that it is given, and V8
 * puts them where it looks for garbage only now and then: each request with a new token would stay with them, and V8
 * would learn from those to keep all the others as long, which doubles what each takes. So passport is given this, and it
 * holds nothing any more when passport is done.
 */
export class AtPassport implements ExecutionContext {
  readonly request: PassportRequest;
  /** The guard answers, and not passport. */
  readonly response = {};
  #context: ExecutionContext | undefined;

  constructor(context: ExecutionContext, request: object) {
    this.#context = context;
    this.request = new PassportRequest(request);
  }

  release(): void {
    this.#context = undefined;
    this.request.release();
  }

  getClass: ExecutionContext['getClass'] = () => this.#asked.getClass();
  getHandler = () => this.#asked.getHandler();
  getArgs: ExecutionContext['getArgs'] = () => this.#asked.getArgs();
  getArgByIndex: ExecutionContext['getArgByIndex'] = (index) => this.#asked.getArgByIndex(index);
  getType: ExecutionContext['getType'] = () => this.#asked.getType();
  switchToHttp = () => this.#asked.switchToHttp();
  switchToRpc = () => this.#asked.switchToRpc();
  switchToWs = () => this.#asked.switchToWs();

  get #asked(): ExecutionContext {
    if (!this.#context) throw new Error('passport was done with this call');
    return this.#context;
  }
}

/** What passport and its strategies see of a request. */
export class PassportRequest {
  /** For whom passport says that it is. */
  user?: unknown;
  #request: Readonly<Record<string, unknown>> | undefined;

  constructor(request: object) {
    this.#request = request as Readonly<Record<string, unknown>>;
  }

  /** The request itself, whether passport was given it or this. */
  static behind(request: object): object {
    return #request in request && request.#request ? request.#request : request;
  }

  release(): void {
    this.#request = undefined;
    this.user = undefined;
  }

  // What extractors of passport-jwt look at, for strategies that aren't ours.
  get headers(): unknown {
    return this.#request?.headers;
  }
  get url(): unknown {
    return this.#request?.url;
  }
  get method(): unknown {
    return this.#request?.method;
  }
  get query(): unknown {
    return this.#request?.query;
  }
  get body(): unknown {
    return this.#request?.body;
  }
  get cookies(): unknown {
    return this.#request?.cookies;
  }
}
