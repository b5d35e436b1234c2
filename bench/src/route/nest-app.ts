import { type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { type AddressInfo } from 'node:net';

const OPTIONS = { logger: ['fatal', 'error'] as ('fatal' | 'error')[], abortOnError: false };

/** @param prepare what has to be registered before its routes are */
export async function onFastify(
  module: DynamicModule,
  prepare: (app: NestFastifyApplication) => Promise<void> | void = () => undefined,
): Promise<{ readonly url: string }> {
  const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(), OPTIONS);
  await prepare(app);
  await app.listen(0, '127.0.0.1');
  return { url: urlOf(app) };
}

/** @param prepare what has to be registered before its routes are */
export async function onExpress(
  module: DynamicModule,
  prepare: (app: NestExpressApplication) => void = () => undefined,
): Promise<{ readonly url: string }> {
  const app = await NestFactory.create<NestExpressApplication>(module, OPTIONS);
  prepare(app);
  await app.listen(0, '127.0.0.1');
  return { url: urlOf(app) };
}

function urlOf(app: { getHttpServer(): { address(): AddressInfo | string | null } }): string {
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
}
