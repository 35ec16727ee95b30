# Production image: the TypeScript sources run as they are on Node 24 (type stripping); no development dependency is in it.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY bin ./bin
COPY src ./src
COPY adapters ./adapters
COPY contracts ./contracts
COPY mappings ./mappings
RUN mkdir /var/lib/ficus && chown node:node /var/lib/ficus
USER node
VOLUME /var/lib/ficus
EXPOSE 8080 8081 2576
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8081/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/ficus.js"]
CMD ["serve", "--config", "/etc/ficus/ficus.yaml"]
