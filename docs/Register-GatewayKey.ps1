<#
.SYNOPSIS
Gives a new key from Key Vault to the gateway on this machine.

.DESCRIPTION
This script is for a scheduled task on the gateway's host. It reads the latest version of one secret with the machine's
own identity. If the gateway was not given that version before, the script runs `dmgcmd -Key`. It records the version in
a small file beside itself, without the key. docs/runbook.md explains the set-up.

The script never prints the key. The key is on one command line, that of dmgcmd, which accepts it in no other way. If
process creation is audited with command lines, the Windows event log contains the key.

The identity is that of an Azure virtual machine (instance metadata), or of an Azure Arc-enabled server, where
IDENTITY_ENDPOINT is set. It needs permission to get this one secret, and no other. No module is needed.

Exit codes:
0  Done, or nothing to do: the output says which.
1  A wrong parameter, no administrator rights, or an unexpected error.
2  The machine's identity returned no token.
3  Key Vault did not return the secret, or the secret holds no gateway key.
4  dmgcmd was not found.
5  dmgcmd failed. The next run tries again.
6  The state file cannot be written. Nothing was done.

.PARAMETER VaultUrl
The URL of the vault, such as https://contoso-keys.vault.azure.net. It must be https, except on this machine itself.

.PARAMETER SecretName
The name of the gateway's secret.

.PARAMETER ClientId
The client id of a user-assigned identity. Default: the machine's system-assigned identity.

.PARAMETER DmgcmdPath
The path of dmgcmd.exe. Default: the path in the registry.

.PARAMETER StatePath
The file that records which version the gateway was given. If you delete it, the next run gives the key again. Default: a
file beside this script, since anyone who can write there could also change the script.

.PARAMETER Force
Also gives each new key to a version 2 node that is already registered. Without it, the script does not change such a node.

.EXAMPLE
.\Register-GatewayKey.ps1 -VaultUrl https://contoso-keys.vault.azure.net -SecretName adf-gatewaytest-key -WhatIf
#>
#Requires -Version 5.1
#Requires -RunAsAdministrator
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)]
    [ValidateScript({ $_.IsAbsoluteUri -and ($_.Scheme -eq 'https' -or $_.IsLoopback) })]
    [uri] $VaultUrl,

    [Parameter(Mandatory)]
    [ValidatePattern('^[0-9A-Za-z-]{1,127}$')]
    [string] $SecretName,

    [ValidatePattern('^[0-9A-Fa-f-]{36}$')]
    [string] $ClientId,

    [string] $DmgcmdPath,

    [string] $StatePath,

    [switch] $Force
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Add-Type -AssemblyName System.Net.Http, System.Runtime.Serialization
# Windows PowerShell on an older Windows does not offer TLS 1.2 by default.
$tls12 = [Net.SecurityProtocolType]::Tls12
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor $tls12
if (-not $StatePath) { $StatePath = Join-Path $PSScriptRoot "$($VaultUrl.Host)-$SecretName.json" }
$StatePath = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($StatePath)

# The key, the token and every variable that holds them must not be passed to a cmdlet: if module logging is on, Windows
# writes a cmdlet's parameters to the event log. That is why this script reads JSON and starts processes through .NET.

function New-Failure([int] $ExitCode, [string] $Message) {
    $failure = [InvalidOperationException]::new($Message)
    $failure.Data['ExitCode'] = $ExitCode
    $failure
}

function Add-Time([string] $Message) {
    "$([DateTime]::UtcNow.ToString('u')) $Message"
}

function Send-Get([string] $Service, [int] $ExitCode, [string] $Uri, [hashtable] $Headers, [bool] $UseProxy) {
    $handler = [Net.Http.HttpClientHandler]::new()
    $handler.AllowAutoRedirect = $false
    $handler.UseProxy = $UseProxy
    $client = [Net.Http.HttpClient]::new($handler)
    $client.Timeout = [TimeSpan]::FromSeconds(30)
    foreach ($name in $Headers.Keys) {
        [void] $client.DefaultRequestHeaders.TryAddWithoutValidation($name, [string] $Headers[$name])
    }
    try {
        $response = $client.GetAsync($Uri).GetAwaiter().GetResult()
        $body = $response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult()
        $challenge = ''
        if ($response.Headers.Contains('WWW-Authenticate')) {
            $challenge = @($response.Headers.GetValues('WWW-Authenticate'))[0]
        }
        [pscustomobject] @{ Status = [int] $response.StatusCode; Challenge = $challenge; Document = Read-Json $body }
    }
    catch {
        throw (New-Failure $ExitCode "$Service did not answer: $($_.Exception.GetBaseException().Message)")
    }
    finally {
        $client.Dispose()
    }
}

function Read-Json([byte[]] $Body) {
    try {
        $quotas = [Xml.XmlDictionaryReaderQuotas]::Max
        $document = [Xml.XmlDocument]::new()
        $document.Load([Runtime.Serialization.Json.JsonReaderWriterFactory]::CreateJsonReader($Body, $quotas))
        $document
    }
    catch {
        # If the answer is not JSON, its status is reported; the reader's message would quote the answer.
        [Xml.XmlDocument]::new()
    }
}

function Get-Text([Xml.XmlDocument] $Document, [string] $Path) {
    $node = $Document.SelectSingleNode("/root/$Path")
    if ($null -eq $node) { '' } else { $node.InnerText.Trim() }
}

function Get-Refusal($Answer) {
    $words = @('error/code', 'error/message', 'error', 'error_description') |
        ForEach-Object { Get-Text $Answer.Document $_ } | Where-Object { $_ } | Select-Object -First 2
    "answered $($Answer.Status) $($words -join ': ')".TrimEnd()
}

# An Arc agent gives a token to a caller that can read a file that the agent names. Only the agent's own folder is read:
# another process that listens on the agent's port could otherwise obtain any file.
function Read-ChallengeFile([string] $Challenge) {
    $folder = Join-Path (Join-Path $env:ProgramData 'AzureConnectedMachineAgent') 'Tokens'
    $file = ''
    if ($Challenge -match '^Basic realm="?([^"]+\.key)"?$') { $file = [IO.Path]::GetFullPath($Matches[1]) }
    if ($file -eq '' -or [IO.Path]::GetDirectoryName($file) -ne $folder) {
        throw (New-Failure 2 "The identity endpoint asked for a file that is not in $folder. It was not read.")
    }
    try {
        if ([IO.FileInfo]::new($file).Length -gt 4096) { throw 'It is larger than 4096 bytes.' }
        [IO.File]::ReadAllText($file)
    }
    catch {
        throw (New-Failure 2 "$file could not be read. $($_.Exception.GetBaseException().Message)")
    }
}

function Get-Token {
    # The token is for the domain of the vault, so it is worthless to a server in any other domain.
    $audience = 'https://' + $VaultUrl.Host.Substring($VaultUrl.Host.IndexOf('.') + 1)
    $endpoint = 'http://169.254.169.254/metadata/identity/oauth2/token'
    $version = '2018-02-01'
    if ($env:IDENTITY_ENDPOINT) {
        $endpoint = $env:IDENTITY_ENDPOINT
        $version = '2020-06-01'
    }
    $uri = "${endpoint}?api-version=$version&resource=$([uri]::EscapeDataString($audience))"
    if ($ClientId) { $uri += "&client_id=$ClientId" }

    $headers = @{ Metadata = 'true' }
    $answer = Send-Get 'The identity endpoint' 2 $uri $headers $false
    if ($answer.Status -eq 401 -and $answer.Challenge) {
        $headers['Authorization'] = "Basic $(Read-ChallengeFile $answer.Challenge)"
        $answer = Send-Get 'The identity endpoint' 2 $uri $headers $false
    }
    $token = Get-Text $answer.Document 'access_token'
    if ($answer.Status -ne 200 -or $token -eq '') {
        throw (New-Failure 2 "The identity endpoint $(Get-Refusal $answer): no token. Check that this machine has a managed identity.")
    }
    $token
}

function Get-LatestSecret {
    $uri = "$($VaultUrl.GetLeftPart('Authority'))/secrets/${SecretName}?api-version=7.4"
    $answer = Send-Get 'Key Vault' 3 $uri @{ Authorization = "Bearer $(Get-Token)" } $true
    if ($answer.Status -ne 200) { throw (New-Failure 3 "Key Vault $(Get-Refusal $answer)") }

    $version = (Get-Text $answer.Document 'id').Split('/')[-1]
    $contentType = Get-Text $answer.Document 'contentType'
    $key = Get-Text $answer.Document 'value'
    if ($contentType -notmatch '^application/vnd\.azure-[a-z-]+\.(gateway|integration-runtime)-key$') {
        throw (New-Failure 3 "$SecretName is of the type '$contentType', which is not a gateway key. It was not used.")
    }
    # Only printable characters, and none that has a special meaning on a Windows command line.
    if ($version -notmatch '^[0-9a-f]{32}$' -or -not [regex]::IsMatch($key, '^[!#-\[\]-~]+$')) {
        throw (New-Failure 3 "The value of $SecretName is not in the form of a key. It was not used.")
    }
    $sha256 = [Security.Cryptography.SHA256]::Create().ComputeHash([Text.Encoding]::UTF8.GetBytes($key))
    [pscustomobject] @{
        Version     = $version
        Key         = $key
        Fingerprint = [BitConverter]::ToString($sha256).Replace('-', '').Substring(0, 12).ToLowerInvariant()
        HasTwoKeys  = $contentType -like '*integration-runtime-key'
    }
}

# The same registry values that Microsoft's own scripts for the integration runtime read: DiacmdPath is in the folder of
# dmgcmd, and HaveRun is Mdw on a registered node.
function Get-InstalledValue([string] $Name) {
    $installed = Get-ItemProperty -ErrorAction SilentlyContinue -LiteralPath `
        'HKLM:\SOFTWARE\Microsoft\DataTransfer\DataManagementGateway\ConfigurationManager'
    $value = if ($null -ne $installed) { $installed.PSObject.Properties[$Name] }
    if ($null -eq $value) { '' } else { [string] $value.Value }
}

function Find-Dmgcmd {
    $path = $DmgcmdPath
    if (-not $path) {
        $beside = Get-InstalledValue 'DiacmdPath'
        if ($beside) { $path = Join-Path (Split-Path -Parent $beside) 'dmgcmd.exe' }
    }
    if (-not $path -or -not (Test-Path -LiteralPath $path -PathType Leaf)) {
        throw (New-Failure 4 "dmgcmd.exe was not found ($path). Install the integration runtime, or set -DmgcmdPath.")
    }
    $path
}

function Get-GivenVersion {
    if (-not (Test-Path -LiteralPath $StatePath)) { return '' }
    try { [string] (Get-Content -LiteralPath $StatePath -Raw | ConvertFrom-Json).version }
    catch { '' } # Incomplete, or not written by this script: giving the same key again does no harm.
}

function Hide-Key([string] $Text, [string] $Key) {
    foreach ($part in @($Key) + $Key.Split('@#'.ToCharArray())) {
        if ($part.Length -ge 8) { $Text = $Text.Replace($part, '<redacted>') }
    }
    $Text
}

function Invoke-Dmgcmd([string] $Path, [string] $Key) {
    $start = [Diagnostics.ProcessStartInfo]::new($Path, "-Key `"$Key`"")
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $outputs = [Threading.Tasks.Task[]] @(
        $process.StandardOutput.ReadToEndAsync(), $process.StandardError.ReadToEndAsync())
    if (-not $process.WaitForExit(300000)) {
        $process.Kill()
        throw (New-Failure 5 'dmgcmd did not end within 5 minutes and was killed. The next run tries again.')
    }
    if ($process.ExitCode -ne 0) {
        # A process that dmgcmd started can keep dmgcmd's output open after dmgcmd has ended.
        $words = if ([Threading.Tasks.Task]::WaitAll($outputs, 5000)) { "$($outputs[0].Result) $($outputs[1].Result)".Trim() }
        throw (New-Failure 5 "dmgcmd ended with $($process.ExitCode). $(Hide-Key $words $Key)")
    }
}

function Open-State {
    try { [IO.File]::Open($StatePath, 'OpenOrCreate', 'ReadWrite', 'None') }
    catch {
        throw (New-Failure 6 "Nothing was done: $($_.Exception.GetBaseException().Message)")
    }
}

try {
    $dmgcmd = Find-Dmgcmd
    $secret = Get-LatestSecret
    $what = "version $($secret.Version) of $SecretName (fingerprint $($secret.Fingerprint))"

    if ((Get-GivenVersion) -eq $secret.Version) {
        Add-Time "Nothing to do: the gateway already has $what."
        exit 0
    }
    if ($secret.HasTwoKeys -and -not $Force -and (Get-InstalledValue 'HaveRun') -eq 'Mdw') {
        Add-Time "Nothing done: this version 2 node is already registered. Use -Force to give it $what."
        exit 0
    }
    if (-not $PSCmdlet.ShouldProcess([Environment]::MachineName, "Give the gateway $what")) { exit 0 }

    $state = Open-State
    try {
        Invoke-Dmgcmd $dmgcmd $secret.Key
        $at = [DateTime]::UtcNow.ToString('o')
        $given = [ordered] @{ version = $secret.Version; fingerprint = $secret.Fingerprint; at = $at }
        $bytes = [Text.Encoding]::UTF8.GetBytes((ConvertTo-Json $given))
        $state.SetLength(0)
        $state.Write($bytes, 0, $bytes.Length)
    }
    finally {
        $state.Dispose()
    }
    Add-Time "Done: the gateway was given $what."
    exit 0
}
catch {
    $problem = $_.Exception
    if ($problem.Data.Contains('ExitCode')) {
        Add-Time "Failed: $($problem.Message)"
        exit $problem.Data['ExitCode']
    }
    # Without the exception's message: it could contain a key.
    $name = $problem.GetBaseException().GetType().Name
    Add-Time "Failed with an unexpected error: $name at line $($_.InvocationInfo.ScriptLineNumber)."
    exit 1
}
