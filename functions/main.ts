import "./rotateOnSchedule.ts";
