#!/usr/bin/env bash
# One step of a deployment, for a pipeline or a person that is signed in with the Azure CLI:
#
#   bash scripts/deploy.sh preview    what the deployment would change; changes nothing
#   bash scripts/deploy.sh apply      deploys the resources and roles
#   bash scripts/deploy.sh upload     deploys package/gateway-key-rotation.zip, or the zip that PACKAGE names
#   bash scripts/deploy.sh dry-run    asks the function for a dry run, and fails where a gateway is not ready
#
# AZURE_RESOURCE_GROUP names an existing group. infra/main.bicepparam reads the other variables.
set -euo pipefail
cd "$(dirname "$0")/.."

# A variable that a pipeline does not have arrives empty, or in Azure Pipelines as its own name: $(NAME).
for name in AZURE_RESOURCE_GROUP ROTATION_SCHEDULE ROTATION_PAUSED ASSIGN_ROLES OPERATOR_GROUP_ID RUNBOOK_URL \
  ALERT_EMAILS ALERT_WEBHOOKS ACTION_GROUP_IDS; do
  if [ -z "${!name:-}" ] || [ "${!name}" = "\$($name)" ]; then unset "$name"; fi
done
group=${AZURE_RESOURCE_GROUP:?names the resource group to deploy to}

# A new role takes minutes to become effective everywhere.
retry() {
  local attempts=15
  until "$@"; do
    attempts=$((attempts - 1))
    if [ "$attempts" -eq 0 ]; then return 1; fi
    echo "Trying again in ${RETRY_SECONDS:-60} seconds." >&2
    sleep "${RETRY_SECONDS:-60}"
  done
}

find_app() {
  az deployment group show --resource-group "$group" --name rotation \
    --query properties.outputs.functionAppName.value --output tsv
}

upload() {
  az functionapp deployment source config-zip --resource-group "$group" --name "$1" \
    --src "${PACKAGE:-package/gateway-key-rotation.zip}" --output none
}

# The key goes to curl through its standard input: other processes can read a command line, and a log could show it.
dry_run() {
  local key status
  key=$(az functionapp keys list --resource-group "$group" --name "$1" --query functionKeys.default --output tsv)
  status=$(printf 'header = "x-functions-key: %s"\n' "$key" | curl --silent --show-error --config - \
    --output dry-run.json --write-out '%{http_code}' --header 'content-type: application/json' \
    --data '{ "gateways": "*", "reason": "check after a deployment", "dryRun": true }' "https://$2/api/rotations")
  if [ -f dry-run.json ]; then cat dry-run.json && echo; fi
  [ "$status" = 200 ]
}

case "${1:-}" in
  preview) az deployment group what-if --resource-group "$group" --name rotation --parameters infra/main.bicepparam ;;
  apply)
    az deployment group create --resource-group "$group" --name rotation --parameters infra/main.bicepparam --output none
    ;;
  upload) app=$(find_app) && retry upload "$app" ;;
  dry-run)
    app=$(find_app)
    host=$(az functionapp show --resource-group "$group" --name "$app" --query defaultHostName --output tsv)
    trap 'rm -f dry-run.json' EXIT
    retry dry_run "$app" "$host"
    ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
