# Weir as a container: the sources and what they need, run by Deno. Settings come from the environment.
FROM denoland/deno:2.9.6

RUN mkdir /data && chown deno:deno /data
WORKDIR /app
USER deno
COPY deno.json deno.lock main.ts ./
COPY src src
COPY workers workers
# All that the lock file names, so that a start needs no network.
RUN deno install --frozen && deno cache --frozen main.ts workers/*.ts src/pipelines/*.ts

ENV WEIR_DATA_DIR=/data
VOLUME /data
EXPOSE 8080

ENTRYPOINT ["deno", "run", "--allow-all", "--cached-only", "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=100", "main.ts"]
CMD ["run", "users"]
