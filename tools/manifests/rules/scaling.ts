import { selects, type System } from '../system';

/** How many pods there are is said once, and leaves room for nodes that are drained and for updates without a gap. */
export function scaling(system: System): string[] {
  return [...autoscalers(system), ...replicas(system), ...budgets(system), ...updates(system)];
}

function autoscalers(system: System): string[] {
  return system.of('HorizontalPodAutoscaler').flatMap(({ metadata, spec }) => {
    const { scaleTargetRef: target, minReplicas = 1, maxReplicas, metrics = [] } = spec;
    const workload = system.workloads.find(({ kind, name }) => kind === target.kind && name === target.name);
    const faults: string[] = [];
    if (!workload) faults.push('scales what is not there');
    if (workload?.replicas !== undefined) faults.push('scales what names its replicas itself');
    if (minReplicas < 1 || minReplicas > maxReplicas) faults.push('has a minimum above its maximum, or none');
    if (metrics.length === 0) faults.push('measures nothing');
    for (const { resource } of metrics) {
      const requested = workload?.container.resources?.requests?.[resource?.name ?? ''];
      if (resource?.target.type === 'Utilization' && !requested) faults.push('measures a share of no request');
    }
    return faults.map((fault) => `HorizontalPodAutoscaler ${metadata.name} ${fault}`);
  });
}

function replicas(system: System): string[] {
  const scaled = system.of('HorizontalPodAutoscaler').map(({ spec }) => spec.scaleTargetRef.name);
  return system.workloads
    .filter(({ kind, name, replicas }) => kind !== 'Job' && replicas === undefined && !scaled.includes(name))
    .map(({ kind, name }) => `${kind} ${name} says nowhere how many there are`);
}

function budgets(system: System): string[] {
  return system.of('PodDisruptionBudget').flatMap(({ metadata, spec }) => {
    const workload = system.workloads.find(({ labels }) => selects(spec.selector, labels));
    const least = leastOf(system, workload?.name) ?? workload?.replicas ?? 0;
    const { maxUnavailable, minAvailable } = spec;
    if (typeof maxUnavailable === 'number' && minAvailable === undefined && maxUnavailable >= 1) return [];
    if (typeof minAvailable === 'number' && maxUnavailable === undefined && minAvailable < least) return [];
    return [`PodDisruptionBudget ${metadata.name} lets no pod go`];
  });
}

function leastOf(system: System, name: string | undefined): number | undefined {
  const autoscaler = system.of('HorizontalPodAutoscaler').find(({ spec }) => spec.scaleTargetRef.name === name);
  return autoscaler && (autoscaler.spec.minReplicas ?? 1);
}

function updates(system: System): string[] {
  const budgeted = system.of('PodDisruptionBudget').map(({ spec }) => spec.selector);
  return system.of('Deployment').flatMap(({ metadata, spec }) => {
    const { type, rollingUpdate } = spec.strategy ?? {};
    const isWithoutGap =
      type === 'RollingUpdate' && rollingUpdate?.maxUnavailable === 0 && rollingUpdate.maxSurge !== 0;
    const labels = spec.template.metadata?.labels ?? {};
    return [
      ...(isWithoutGap ? [] : [`Deployment ${metadata.name} takes pods away before others are ready`]),
      ...(budgeted.some((selector) => selects(selector, labels)) ? [] : [`Deployment ${metadata.name} has no budget`]),
    ];
  });
}
