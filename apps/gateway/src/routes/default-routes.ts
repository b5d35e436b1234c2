import { type RoutesFile } from './routes-file';
import { METHODS } from './route';

/** Whose way `/api/whoami` shows, and where `RESOURCE_URL` is: where no destination has this name, there is neither. */
export const WHOAMI_DESTINATION = 'resource';

const ALL = METHODS.filter((method) => method !== 'HEAD');

/** What there is without a `ROUTES_FILE`: `/api/**` is resource's, which asks for scopes again itself. */
export const DEFAULT_ROUTES: RoutesFile = {
  destinations: {
    resource: {
      audience: 'resource',
      scopes: ['documents:read', 'documents:write', 'audit:read'],
      dangerouslyForward: false,
    },
  },
  routes: [
    route('/api/documents', ['GET'], '/documents', ['documents:read']),
    route('/api/documents', ['POST'], '/documents', ['documents:write']),
    route('/api/audit', ['GET'], '/audit', ['audit:read']),
    route('/api', ALL, '/', []),
  ],
};

function route(
  prefix: string,
  methods: RoutesFile['routes'][number]['methods'],
  rewrite: string,
  scopes: string[],
): RoutesFile['routes'][number] {
  return { prefix, methods, destination: 'resource', rewrite, scopes, webSocket: false };
}
