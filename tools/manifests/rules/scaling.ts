import { type V1PodDisruptionBudgetSpec } from '@kubernetes/client-node';
import { selects, type System } from '../system';

/** How many pods there are is said once, and leaves room for nodes that are drained and for updates without a gap. */
export function scaling(system: System): string[] {
  return [...autoscalers(system), ...replicas(system), ...budgets(system), ...updates(system)];
}

function autoscalers(system: System): string[] {
  return system.of('HorizontalPodAutoscaler').flatMap(({ metadata, spec }) => {
    const { scaleTargetRef: target, minReplicas = 1, maxReplicas, metrics = [] } = spec;
    const workload = system.workloads.find(({ kind, name }) => kind === target.kind && name === target.name);
    const isServed = target.apiVersion === 'apps/v1';
    const faults: string[] = [];
    if (!workload || !isServed) faults.push('scales what is not there');
    if (workload?.replicas !== undefined) faults.push('scales what names its replicas itself');
    if (minReplicas < 1 || minReplicas > maxReplicas) faults.push('has a minimum above its maximum, or none');
    // One pod is one for a laptop; of more there would be no need for an autoscaler.
    if (minReplicas === maxReplicas && maxReplicas > 1) faults.push('has no room to scale');
    if (metrics.length === 0) faults.push('measures nothing');
    for (const { type, resource } of metrics) {
      const { type: measure, averageUtilization: share = 0 } = resource?.target ?? {};
      const requested = workload?.container.resources?.requests?.[resource?.name ?? ''];
      if (type !== 'Resource' || measure !== 'Utilization') faults.push('measures what is no share of a request');
      else if (!requested) faults.push('measures a share of no request');
      if (share < 1 || share > 100) faults.push(`waits for ${share} % of what is asked for`);
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
    const gone = goneAtOnce(spec, least);
    const isHeldUp = spec.unhealthyPodEvictionPolicy !== 'AlwaysAllow';
    return [
      ...(isHeldUp ? [`PodDisruptionBudget ${metadata.name} holds on to pods that serve nobody`] : []),
      ...(gone >= 1 ? [] : [`PodDisruptionBudget ${metadata.name} lets no pod go`]),
      ...(gone >= least && least > 1 ? [`PodDisruptionBudget ${metadata.name} lets all pods go`] : []),
    ];
  });
}

/** Numbers alone: of a share the server would have to know how many there are. */
function goneAtOnce({ maxUnavailable, minAvailable }: V1PodDisruptionBudgetSpec, least: number): number {
  if (typeof maxUnavailable === 'number' && minAvailable === undefined) return maxUnavailable;
  if (typeof minAvailable === 'number' && maxUnavailable === undefined) return least - minAvailable;
  return 0;
}

function leastOf(system: System, name: string | undefined): number | undefined {
  const autoscaler = system.of('HorizontalPodAutoscaler').find(({ spec }) => spec.scaleTargetRef.name === name);
  return autoscaler && (autoscaler.spec.minReplicas ?? 1);
}

function updates(system: System): string[] {
  const budgeted = system.of('PodDisruptionBudget').map(({ spec }) => spec.selector);
  return system.of('Deployment').flatMap(({ metadata, spec }) => {
    const { type, rollingUpdate } = spec.strategy ?? {};
    // As numbers: of two pods 25 % may be none, and none of each is refused.
    const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
    const isWithoutGap =
      type === 'RollingUpdate' && maxUnavailable === 0 && typeof maxSurge === 'number' && maxSurge >= 1;
    const labels = spec.template.metadata?.labels ?? {};
    return [
      ...(isWithoutGap ? [] : [`Deployment ${metadata.name} takes pods away before others are ready`]),
      ...(budgeted.some((selector) => selects(selector, labels)) ? [] : [`Deployment ${metadata.name} has no budget`]),
    ];
  });
}
