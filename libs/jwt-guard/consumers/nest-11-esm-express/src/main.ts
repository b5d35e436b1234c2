import { NestFactory } from '@nestjs/core';
import { observe } from './observe.js';

await observe((module) => NestFactory.create(module, { logger: false, abortOnError: false }));
