# Debian's PostgreSQL and Redis, laid out like the official images: a stand-in for machines without an image registry.
# Accounts, folders and variables are the same, because infra/docker must run on both.
ARG BASE_IMAGE

FROM ${BASE_IMAGE} AS postgres
RUN groupadd -r -g 999 postgres \
    && useradd -r -u 999 -g postgres -d /var/lib/postgresql -s /bin/bash postgres
# hadolint ignore=DL3008
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/* /usr/lib/postgresql/current \
    && sed -ri "s/^#?listen_addresses\s*=.*/listen_addresses = '*'/" /usr/share/postgresql/*/postgresql.conf.sample \
    && install -d -o 999 -g 999 -m 1777 /var/lib/postgresql /var/run/postgresql
COPY postgres_entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/current/bin:$PATH
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]

FROM ${BASE_IMAGE} AS redis
RUN groupadd -r -g 999 redis \
    && useradd -r -u 999 -g redis redis
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 999 -g 999 /data
VOLUME /data
WORKDIR /data
CMD ["redis-server"]
