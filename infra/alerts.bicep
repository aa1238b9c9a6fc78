metadata description = 'Alerts on the events that the function reports, and the action group that they notify.'

import { resourceTags } from 'types.bicep'

@description('Region of the alert rules: the region of Application Insights.')
param location string

@description('Tags of every resource.')
param tags resourceTags

@description('Part of every name, as in `alert-<namePrefix>-no-heartbeat`.')
@minLength(1)
param namePrefix string

@description('Resource id of the Application Insights that the function sends its events to.')
param applicationInsightsId string

@description('E-mail addresses to notify.')
param emails string[]

@description('URLs to notify by the common alert schema, each under a name. A URL of this kind is a secret: who knows it can post to it.')
@secure()
param webhooks { *: string }

@description('Resource ids of action groups that exist already. Every alert notifies them too.')
param actionGroupIds string[]

@description('URL of docs/runbook.md; each alert links its section.')
param runbookUrl string

// A mail has no results of the query: title, description, dimensions and the value are all that its reader gets. So each
// gateway's alert has code, effect and next action as dimensions. With many gateways, one alert has their number as value.
var ofGateway = ['gateway', 'gatewayKind', 'code', 'effect', 'nextAction']
var howToRead = 'Do what nextAction says. "More than 5 gateways" share one alert: its value is their number, and the other dimensions are those of most of them; GET /api/gateways lists all.'

// Every query returns one row for each problem and no row if there is none, so a rule fires for any row. `measure` is the
// column whose sum is the value; without it, the value counts rows.
var rules = [
  {
    name: 'key-in-doubt'
    title: 'A published key is dead or in doubt: its gateway or its consumers may be stopped'
    meaning: 'The only key of a gateway was replaced or may have been replaced, and the new key is not in the vault. Or the rotation failed and found that the service does not have the published key, or that consumers cannot read it. resumeRotations or a later tick tries again automatically; find out why that does not succeed. ${howToRead}'
    severity: 0
    query: loadTextContent('queries/alerts/keyInDoubt.kql')
    dimensions: ofGateway
    measure: 'gateways'
    evaluationFrequency: 'PT5M'
    windowSize: 'P2D'
  }
  {
    name: 'no-heartbeat'
    title: 'No rotation runs or resumes: no heartbeat for an hour'
    meaning: 'resumeRotations sends RotationHeartbeat at every tick. The function app is stopped, cannot start, cannot send telemetry, or cannot read its storage. Start it, or restore its storage.'
    severity: 1
    query: loadTextContent('queries/alerts/noHeartbeat.kql')
    dimensions: []
    measure: null
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
  }
  {
    name: 'gateway-host-behind'
    title: 'A gateway is stopped: its host has not registered with the new key'
    meaning: 'The key of a one-key gateway was rotated, and the service does not show that its host has registered since. The gateway does not work until its host has the new key. Do what nextAction says. "More than 5 gateways" share one alert: its value is their number; GET /api/gateways lists all.'
    severity: 1
    query: loadTextContent('queries/alerts/gatewayHostBehind.kql')
    dimensions: ['gateway', 'gatewayKind', 'nextAction']
    measure: 'gateways'
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'rotation-failed'
    title: 'A rotation failed; it did not touch the published key'
    meaning: 'The last rotation of the gateway failed. Look up the code. ${howToRead}'
    severity: 2
    query: loadTextContent('queries/alerts/rotationFailed.kql')
    dimensions: ofGateway
    measure: 'gateways'
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'run-failed'
    title: 'A run failed as a whole'
    meaning: 'The function failed as a whole: its configuration is wrong, it cannot use its storage, or the platform ended it. Read its exception in Application Insights, which names every problem.'
    severity: 2
    query: loadTextContent('queries/alerts/runFailed.kql')
    dimensions: ['functionName']
    measure: null
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'gateway-overdue'
    title: 'A gateway has been overdue for a day'
    meaning: 'The last rotation of a gateway is older than its rotateEveryDays, or it was never rotated, and a whole day of ticks did not rotate it. GET /api/gateways shows which gateway. The value is the number of gateways.'
    severity: 2
    query: loadTextContent('queries/alerts/gatewayOverdue.kql')
    dimensions: []
    measure: 'gateways'
    evaluationFrequency: 'PT15M'
    windowSize: 'P2D'
  }
  {
    name: 'secret-near-expiry'
    title: 'A published key expires within 7 days, or has expired'
    meaning: 'A published secret version expires soon (expireAfterDays) while a gateway is overdue, or it has expired. GET /api/gateways shows which gateway. Rotate it.'
    severity: 2
    query: loadTextContent('queries/alerts/secretNearExpiry.kql')
    dimensions: []
    measure: null
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
  }
]

// Without receivers it sends nothing, and the alerts appear only in the portal.
resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${namePrefix}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'keyrotation'
    emailReceivers: [
      for (address, index) in emails: {
        name: 'email-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: [
      for webhook in items(webhooks): {
        name: webhook.key
        serviceUri: webhook.value
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'alert-${namePrefix}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: '${rule.meaning} What to do: ${runbookUrl}#${rule.name}'
      severity: rule.severity
      enabled: true
      // The resource, not its workspace: its tables exist before the first row, and hold no rows of other applications.
      scopes: [applicationInsightsId]
      targetResourceTypes: ['Microsoft.Insights/components']
      evaluationFrequency: rule.evaluationFrequency
      windowSize: rule.windowSize
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: rule.measure == null ? 'Count' : 'Total'
            metricMeasureColumn: rule.measure
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [
              for dimension in rule.dimensions: {
                name: dimension
                operator: 'Include'
                values: ['*']
              }
            ]
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      // Fires once for each row and resolves itself. Azure does not accept muteActionsDuration together with it, and
      // a mute could suppress another gateway's alert.
      autoMitigate: true
      // Application Insights may have been created a minute ago: the tables that Azure would check do not exist yet.
      skipQueryValidation: true
      actions: {
        actionGroups: concat([actionGroup.id], actionGroupIds)
      }
    }
  }
]
