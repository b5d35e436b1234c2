import { Controller, Get, Headers, Inject } from '@nestjs/common';
import { Public } from '@token-relay/jwt-guard';
import { ApiHeaders } from '../api-headers';
import { SERVICES } from '../demo/services';
import { hasRefreshCookie } from '../session/refresh-cookie';

export const CONSOLE_SETTINGS = Symbol('console-settings');

/** What the console has to know before anybody has logged in. */
export interface ConsoleSettings {
  /** Whether there are demo accounts, and attacks to try. */
  readonly demo: boolean;
  /** In which the relay can be shown. */
  readonly modes: readonly string[];
}

@Controller('console/api/settings')
export class SettingsController {
  constructor(@Inject(CONSOLE_SETTINGS) private readonly settings: ConsoleSettings) {}

  /** Without a cookie there is no session to go on with: a refresh could only be refused. */
  @Public('Which views the page has, what the welcome page says anyway, and whether the browser itself has a cookie.')
  @Get()
  @ApiHeaders()
  read(@Headers('cookie') cookie: string | undefined) {
    const { demo, modes } = this.settings;
    const services = SERVICES.map(({ name, does }) => ({ name, does }));
    return { demo, modes, session: hasRefreshCookie(cookie), services };
  }
}
