import { type System, type Workload } from '../system';
import { environmentOf } from './environment';
import { openWays } from './network';

/** By the names of variables: who is there, and by which port of its Service. */
const ADDRESSES: Readonly<
  Record<string, { readonly service: string; readonly port: string; readonly scheme: string }>
> = {
  AUTH_URL: { service: 'auth', port: 'https', scheme: 'https' },
  RESOURCE_URL: { service: 'resource', port: 'https', scheme: 'https' },
  AUDIT_URL: { service: 'audit', port: 'rpc', scheme: 'tls' },
};

/** Where a service is told that another is, that one is, and may be called; and it takes calls of those that may. */
export function addresses(system: System): string[] {
  const ways = openWays(system);
  return system.services.flatMap((service) => {
    const given = Object.entries(environmentOf(system, service));
    return [
      ...given.flatMap(([name, value]) => leads(system, service, ways, name, value)),
      ...callers(service, ways),
      ...reached(Object.fromEntries(given)).map((fault) => `${service.name} ${fault}`),
    ];
  });
}

function leads(
  system: System,
  { name: from }: Workload,
  ways: readonly string[],
  name: string,
  value: string,
): string[] {
  const address = ADDRESSES[name];
  if (!address) return [];
  const { service, port: portName, scheme } = address;
  const port = system.named('Service', service)?.spec.ports?.find((one) => one.name === portName)?.port;
  const faults: string[] = [];
  if (value !== `${scheme}://${service}:${port}`) faults.push(`leads by ${name} to ${value}, where ${service} isn't`);
  // Auth itself only says to others where it is.
  if (from !== service && !ways.includes(`${from} → ${service}:${port}`)) faults.push(`may not call ${service}`);
  return faults.map((fault) => `${from} ${fault}`);
}

/** Who may call by the names in their certificates is who may by the policies. */
function callers({ name, container }: Workload, ways: readonly string[]): string[] {
  const ports = (container.ports ?? []).filter((port) => port.name !== 'metrics').map((port) => port.containerPort);
  const expected = ways
    .filter((way) => ports.some((port) => way.endsWith(` → ${name}:${port}`)))
    .map((way) => way.split(' → ')[0] ?? '');
  // What comes from outside has no certificate of this system.
  const isEdge = expected.some((from) => from === 'anywhere' || from.includes('/'));
  const given = container.env?.find((variable) => variable.name === 'TLS_CLIENTS')?.value;
  const isExpected = isEdge ? given === undefined : given?.split(',').sort().join() === expected.sort().join();
  return isExpected ? [] : [`${name} takes calls of ${given ?? 'anybody'}, and not of ${expected.join(', ')}`];
}

function reached({ HOST, NODE_ENV }: Readonly<Record<string, string>>): string[] {
  return [
    ...(HOST === '0.0.0.0' ? [] : ['is reached from inside its own pod alone']),
    ...(NODE_ENV === 'production' ? [] : ['is not told that it runs in production']),
  ];
}
