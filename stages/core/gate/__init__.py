"""What validate needs: measuring images, dividing them, and holding them to their promises."""
