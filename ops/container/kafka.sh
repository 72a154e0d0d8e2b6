#!/bin/bash
# Starts Kafka in its container with the configuration and secrets that the service `init` wrote.
# The passwords of the hub's principals enter the storage when it is formatted, once.
set -euo pipefail
data=/hub-data
config=$data/kafka-container/server.properties
users=()
for principal in hub.admin hub.gate hub.projector hub.reader hub.audit hub.cases hub.indicators; do
  users+=(--add-scram "SCRAM-SHA-512=[name=$principal,password=$(<"$data/secrets/kafka/$principal")]")
done
if [[ ! -f /var/lib/kafka/data/meta.properties ]]; then
  /opt/kafka/bin/kafka-storage.sh format --standalone --cluster-id "$(/opt/kafka/bin/kafka-storage.sh random-uuid)" \
    --config "$config" "${users[@]}"
fi
exec /opt/kafka/bin/kafka-server-start.sh "$config"
