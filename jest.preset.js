// Nest 12 and jose are ESM only: @swc/jest turns them, and our TypeScript, into CommonJS for Jest.
// What counts is the shape, not the speed of the first run: Jest caches every transformed file.
module.exports = {
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['/dist/'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json', 'node'],
  // Workspace libraries are tested from their sources, through the same exports map that their users see.
  testEnvironmentOptions: {
    customExportConditions: ['@token-relay/source', 'node', 'require', 'default'],
  },
  transform: {
    '^.+\\.[tj]s$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs|jose)/)'],
  restoreMocks: true,
  testTimeout: 30000,
};
