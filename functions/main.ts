import "./resumeRotations.ts";
import "./rotateOnSchedule.ts";
