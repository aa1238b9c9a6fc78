import "./listGateways.ts";
import "./readRotation.ts";
import "./requestRotation.ts";
import "./resumeRotations.ts";
import "./rotateOnSchedule.ts";
import "./showStatus.ts";
