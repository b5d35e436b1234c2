module.exports = {
  displayName: 'service-kit',
  preset: '../../jest.preset.js',
  // Loads what it sends with by import(), which Jest can't do in CommonJS.
  transformIgnorePatterns: ['/node_modules/(?!(@nestjs|jose|@opentelemetry/otlp-exporter-base)/)'],
};
