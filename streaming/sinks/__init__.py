"""Where pictures and the delayed voice go: WebRTC, files, loudspeakers."""
