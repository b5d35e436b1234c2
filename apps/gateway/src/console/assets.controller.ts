import { Controller, Get, Inject, NotFoundException, Param, Res } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { type FastifyReply } from 'fastify';
import { ConsoleFiles } from './console-files';
import { sendFile } from './send-file';

/** Scripts, styles and images of the console; its page is at `/`. */
@Controller('console/assets')
export class AssetsController {
  constructor(@Inject(ConsoleFiles) private readonly files: ConsoleFiles) {}

  @Public('A page as anybody can build it; what it shows, it has to ask for.')
  @Get(':file')
  asset(@Param('file') name: string, @Res() reply: FastifyReply): FastifyReply {
    const file = this.files.asset(name);
    if (!file) throw new NotFoundException();
    return sendFile(reply, file);
  }
}
