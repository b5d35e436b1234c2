import { Controller, type DynamicModule, Get, Req, type Type, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  CurrentPrincipal,
  JwtGuardModule,
  type JwtGuardOptions,
  type Principal,
  Public,
  RequireScopes,
} from '@token-relay/jwt-guard';

@Controller('documents')
export class DocumentsController {
  @Get()
  @RequireScopes('documents:read')
  list(@CurrentPrincipal() principal: Principal) {
    return { subject: principal.subject };
  }

  @Get('by-passport')
  @Public("passport's own guard closes it")
  @UseGuards(AuthGuard('jwt'))
  listByPassport(@Req() request: { user: Principal }) {
    return { subject: request.user.subject };
  }

  @Get('terms')
  @Public('the terms are for everybody')
  terms() {
    return { terms: 'none' };
  }
}

export class AppModule {}

export function appModule(options: JwtGuardOptions, controllers: Type[]): DynamicModule {
  return {
    module: AppModule,
    imports: [JwtGuardModule.forRoot(options)],
    controllers: [DocumentsController, ...controllers],
  };
}
