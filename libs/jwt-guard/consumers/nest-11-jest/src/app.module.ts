import { Controller, Get, Module } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal, RequireScopes } from '@token-relay/jwt-guard';

@Controller('documents')
export class DocumentsController {
  @Get()
  @RequireScopes('documents:read')
  list(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }

  @MessagePattern('documents.list')
  listOverRpc(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }
}

@Module({ controllers: [DocumentsController] })
export class AppModule {}
