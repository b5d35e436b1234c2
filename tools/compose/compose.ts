import { parse } from 'yaml';

/** What is used here of https://docs.docker.com/reference/compose-file/services/. */
export interface ComposeService {
  image?: string;
  pull_policy?: string;
  build?: { context?: string; dockerfile?: string; args?: Record<string, string> };
  profiles?: string[];
  command?: string[];
  environment?: Record<string, string>;
  restart?: string;
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
  network_mode?: string;
  networks?: string[];
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition?: string }>;
  healthcheck?: { disable?: boolean; test?: string[] };
  [other: string]: unknown;
}

export interface Compose {
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
}

/** A compose file with its anchors merged, and every variable at its default. @throws Error where it is no YAML */
export function parseCompose(text: string): Compose {
  return JSON.parse(
    JSON.stringify(parse(text, { merge: true }), (_key, value: unknown) => atDefault(value)),
  ) as Compose;
}

/** `${NAME:-default}`, and nothing for a variable that has none. */
function atDefault(value: unknown): unknown {
  return typeof value === 'string'
    ? value.replace(/\$\{\w+(?::?-([^}]*))?\}/g, (_all, text = '') => String(text))
    : value;
}
