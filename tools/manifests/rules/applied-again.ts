import { type System } from '../system';

/**
 * Applied a second time, nothing changes. kubectl compares such lists as a whole: what is left to a default in one of
 * their items looks like a change each time.
 */
export function appliedAgain(system: System): string[] {
  const templates = system
    .of('StatefulSet')
    .filter(({ spec }) => (spec.volumeClaimTemplates?.length ?? 0) > 0)
    .map(({ metadata }) => `StatefulSet ${metadata.name} has templates of claims`);
  const policies = system.of('NetworkPolicy').flatMap(({ metadata, spec }) => {
    const ports = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((rule) => rule.ports ?? []);
    return [
      ...(ports.every(({ protocol }) => protocol) ? [] : [`NetworkPolicy ${metadata.name} leaves a protocol open`]),
      ...(spec.policyTypes?.length ? [] : [`NetworkPolicy ${metadata.name} leaves its types open`]),
    ];
  });
  return [...templates, ...policies];
}
