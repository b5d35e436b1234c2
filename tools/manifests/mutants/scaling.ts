import { at, inContainer, type Row, without } from './change';

const UTILIZATION = 'spec/metrics/0/resource/target/averageUtilization';

export const scaling: readonly Row[] = [
  [
    'an autoscaler of nothing',
    at('HorizontalPodAutoscaler', 'auth', 'spec/scaleTargetRef/name', 'x'),
    /scales what is not/,
  ],
  ['two who say how many', at('Deployment', 'auth', 'spec/replicas', 2), /scales what names its replicas itself/],
  ['nobody who says how many', without('HorizontalPodAutoscaler', 'auth'), /auth says nowhere how many/],
  ['more at least than at most', at('HorizontalPodAutoscaler', 'auth', 'spec/minReplicas', 7), /minimum above/],
  [
    'a share of a request that is not made',
    inContainer('auth', 'resources/requests/cpu'),
    /measures a share of no request/,
  ],
  ['nothing measured', at('HorizontalPodAutoscaler', 'auth', 'spec/metrics', []), /auth measures nothing/],
  [
    'a budget as large as the number of pods',
    at('PodDisruptionBudget', 'auth', 'spec', {
      minAvailable: 2,
      selector: { matchLabels: { 'app.kubernetes.io/name': 'auth' } },
    }),
    /PodDisruptionBudget auth lets no pod go/,
  ],
  ['a budget of none', at('PodDisruptionBudget', 'auth', 'spec/maxUnavailable', 0), /auth lets no pod go/],
  ['no budget', without('PodDisruptionBudget', 'auth'), /Deployment auth has no budget/],
  [
    'an update with a gap',
    at('Deployment', 'auth', 'spec/strategy/rollingUpdate/maxUnavailable', 1),
    /auth takes pods away before/,
  ],
  ['an update that ends all first', at('Deployment', 'auth', 'spec/strategy', { type: 'Recreate' }), /takes pods away/],
  ['a surge of none', at('Deployment', 'auth', 'spec/strategy/rollingUpdate/maxSurge', '0%'), /takes pods away/],
  ['a surge of nothing', at('Deployment', 'auth', 'spec/strategy/rollingUpdate/maxSurge', 0), /takes pods away/],
  [
    'a budget of all',
    at('PodDisruptionBudget', 'auth', 'spec/maxUnavailable', 2),
    /PodDisruptionBudget auth lets all pods go/,
  ],
  ['a budget as a share', at('PodDisruptionBudget', 'auth', 'spec/maxUnavailable', '50%'), /auth lets no pod go/],
  [
    'a budget that says both',
    at('PodDisruptionBudget', 'auth', 'spec/minAvailable', 1),
    /PodDisruptionBudget auth lets no pod go/,
  ],
  [
    'an autoscaler of an old kind',
    at('HorizontalPodAutoscaler', 'auth', 'spec/scaleTargetRef/apiVersion', 'apps/v1beta1'),
    /scales what is not/,
  ],
  ['no room to scale', at('HorizontalPodAutoscaler', 'auth', 'spec/maxReplicas', 2), /auth has no room to scale/],
  ['more than all of it', at('HorizontalPodAutoscaler', 'auth', UTILIZATION, 101), /auth waits for 101 %/],
  ['none of it', at('HorizontalPodAutoscaler', 'auth', UTILIZATION, 0), /auth waits for 0 %/],
  ['no share', at('HorizontalPodAutoscaler', 'auth', UTILIZATION), /auth waits for 0 %/],
  [
    'a type without what it is about',
    at('HorizontalPodAutoscaler', 'auth', 'spec/metrics/0', { type: 'Resource' }),
    /measures what is no share/,
  ],
  [
    'another type',
    at('HorizontalPodAutoscaler', 'auth', 'spec/metrics/0/type', 'Resorce'),
    /measures what is no share/,
  ],
  [
    'a budget that holds on to what does not serve',
    at('PodDisruptionBudget', 'auth', 'spec/unhealthyPodEvictionPolicy'),
    /auth holds on to pods that serve nobody/,
  ],
];
