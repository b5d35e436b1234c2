import { NestFactory } from '@nestjs/core';
import { observe } from './observe';
import * as rpc from './observe-rpc';

void observe((module) => NestFactory.create(module, { logger: false, abortOnError: false }), rpc);
