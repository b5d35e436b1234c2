import { Body, Controller, Get, Inject, Param, Post, Res } from '@nestjs/common';
import { CurrentPrincipal, type Principal, RequireScopes } from '@token-relay/jwt-guard';
import { ProblemException, validated } from '@token-relay/service-kit';
import { z } from 'zod';
import { AuditClient } from '../audit.client';
import { type Document, DOCUMENT_STORE, type DocumentHead, type DocumentStore, newDocument } from './document-store';

const content = z.strictObject({
  title: z.string('must be a text').trim().min(1, 'must not be empty').max(200, 'is too long'),
  body: z.string('must be a text').max(100_000, 'is too long').default(''),
});

@Controller('documents')
export class DocumentsController {
  constructor(
    @Inject(DOCUMENT_STORE) private readonly documents: DocumentStore,
    @Inject(AuditClient) private readonly audit: AuditClient,
  ) {}

  @Get()
  @RequireScopes('documents:read')
  async list(@CurrentPrincipal() owner: Principal): Promise<{ documents: readonly DocumentHead[] }> {
    return { documents: await this.documents.list(owner.id) };
  }

  /** Somebody else's document and none at all are answered the same. */
  @Get(':id')
  @RequireScopes('documents:read')
  async find(@CurrentPrincipal() owner: Principal, @Param('id') id: string): Promise<Document> {
    const document = await this.documents.find(owner.id, id);
    if (!document) throw new ProblemException(404, 'document_not_found', 'There is no such document of yours.');
    return document;
  }

  @Post()
  @RequireScopes('documents:write')
  async create(
    @CurrentPrincipal() owner: Principal,
    @Body(validated(content)) submitted: z.infer<typeof content>,
    @Res({ passthrough: true }) response: { header(name: string, value: string): unknown },
  ): Promise<Document> {
    if (await this.documents.isFull(owner.id)) throw tooMany();
    const document = newDocument(submitted);
    // Recorded first: what can't be recorded doesn't happen.
    await this.audit.record('documents.create', document.id);
    if (!(await this.documents.save(owner.id, document))) throw tooMany();
    response.header('location', `documents/${document.id}`);
    return document;
  }
}

function tooMany(): ProblemException {
  return new ProblemException(409, 'too_many_documents', 'You have as many documents as you may have.');
}
