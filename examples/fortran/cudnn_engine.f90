!> Steps on an NVIDIA GPU. Batches cross to it in a stream of their own, while another computes, and
!> nothing waits for a loss before `loss_of` asks for it.
module cudnn_engine
   use, intrinsic :: iso_c_binding, only: c_associated, c_f_pointer, c_float, c_int, c_loc, c_ptr, c_size_t
   use, intrinsic :: iso_fortran_env, only: real32, real64
   use cuda
   use cudnn, only: cudnnGetVersion, load_cudnn
   use engine, only: training_engine
   use gpu_network, only: address_of, first_bias, first_weight, network_on_gpu, new_network, parameters, &
      prepare_network, train_step
   use network, only: layer
   implicit none
   private
   public :: gpu_engine, new_gpu_engine

   !> A batch's way: where it is read to, where it lies on the GPU, and how far it is.
   type :: transfer_slot
      type(c_ptr) :: noisy_here, target_here, noisy, target, copied, done
   end type transfer_slot

   type, extends(training_engine) :: gpu_engine
      type(c_ptr) :: computing, copying  !! streams
      type(network_on_gpu) :: net
      integer :: sides(4)
      real(real32) :: rate
      type(c_ptr) :: norms  !! of each slot's residual, on the GPU
      real(c_float), pointer :: norms_here(:)
      type(transfer_slot), allocatable :: transfers(:)
      integer, allocatable :: pairs(:)  !! of the batch in each slot
      integer :: last = 0               !! slot
   contains
      procedure :: prepare
      procedure :: load
      procedure :: learn
      procedure :: loss_of
      procedure :: values
   end type gpu_engine

contains

   !> Return an engine on the first GPU; `why` is empty, or says in words what is missing.
   function new_gpu_engine(tf32, why) result(made)
      logical, intent(in) :: tf32
      character(:), allocatable, intent(out) :: why
      type(gpu_engine) :: made
      character(12) :: version

      call load_cuda(why)
      if (why == '') call load_cudnn(why)
      if (why /= '') return
      call check_cuda(cudaStreamCreate(made%computing), 'a stream')
      call check_cuda(cudaStreamCreate(made%copying), 'a stream')
      made%net = new_network(made%computing, tf32)
      write (version, '(i0)') cudnnGetVersion()
      made%hardware = card()//', cuDNN '//trim(version)
      made%arithmetic = trim(merge('TensorFloat-32', 'float32       ', tf32))
      made%tolerance = merge(1e-2_real64, 1e-5_real64, tf32)
   end function new_gpu_engine

   subroutine prepare(self, sides, batches)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: sides(4), batches
      type(c_ptr) :: here
      integer :: i

      self%sides = sides
      call prepare_network(self%net, sides)
      self%norms = on_gpu(4_c_size_t * batches)
      call check_cuda(cudaMallocHost(here, 4_c_size_t * batches), 'page-locked memory')
      call c_f_pointer(here, self%norms_here, [batches])
      allocate (self%slots(batches), self%transfers(batches), self%pairs(batches))
      do i = 1, batches
         call prepare_slot(self, i, 4 * product(int(sides, c_size_t)))
      end do
   end subroutine prepare

   subroutine prepare_slot(self, which, bytes)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: which
      integer(c_size_t), intent(in) :: bytes

      associate (t => self%transfers(which))
         call check_cuda(cudaMallocHost(t%noisy_here, bytes), 'page-locked memory')
         call check_cuda(cudaMallocHost(t%target_here, bytes), 'page-locked memory')
         call c_f_pointer(t%noisy_here, self%slots(which)%noisy, self%sides)
         call c_f_pointer(t%target_here, self%slots(which)%target, self%sides)
         t%noisy = on_gpu(bytes)
         t%target = on_gpu(bytes)
         call check_cuda(cudaEventCreate(t%copied), 'an event')
         call check_cuda(cudaEventCreate(t%done), 'an event')
      end associate
   end subroutine prepare_slot

   subroutine load(self, layers, rate)
      class(gpu_engine), intent(inout) :: self
      type(layer), intent(in) :: layers(3)
      real(real32), intent(in) :: rate
      real(c_float), target :: together(0:parameters - 1)
      integer :: i

      do i = 1, 3
         together(first_weight(i):first_weight(i) + size(layers(i)%weight) - 1) = &
            reshape(layers(i)%weight, [size(layers(i)%weight)])
         together(first_bias(i):first_bias(i) + size(layers(i)%bias) - 1) = layers(i)%bias
      end do
      call check_cuda(cudaMemcpyAsync(self%net%weights, c_loc(together), 4_c_size_t * parameters, to_device, &
                                      self%computing), 'sending weights')
      call check_cuda(cudaStreamSynchronize(self%computing), 'sending weights')
      self%rate = rate
   end subroutine load

   subroutine learn(self, which, pairs)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: which, pairs
      type(c_ptr) :: norm

      self%pairs(which) = pairs
      self%last = which
      norm = moved(self%norms, which - 1)
      associate (t => self%transfers(which))
         call send(self, t, pairs)
         call train_step(self%net, pairs, t%noisy, t%target, norm, self%rate)
         call check_cuda(cudaMemcpyAsync(c_loc(self%norms_here(which)), norm, 4_c_size_t, to_host, self%computing), &
                         'fetching the loss')
         call check_cuda(cudaEventRecord(t%done, self%computing), 'the end of a step')
      end associate
   end subroutine learn

   !> Let a batch cross to the GPU, and let the step wait for it there.
   subroutine send(self, t, pairs)
      class(gpu_engine), intent(in) :: self
      type(transfer_slot), intent(in) :: t
      integer, intent(in) :: pairs
      integer(c_size_t) :: bytes

      bytes = 4_c_size_t * self%sides(1) * self%sides(2) * pairs
      call check_cuda(cudaMemcpyAsync(t%noisy, t%noisy_here, bytes, to_device, self%copying), 'sending a batch')
      call check_cuda(cudaMemcpyAsync(t%target, t%target_here, bytes, to_device, self%copying), 'sending a batch')
      call check_cuda(cudaEventRecord(t%copied, self%copying), 'sending a batch')
      call check_cuda(cudaStreamWaitEvent(self%computing, t%copied, 0_c_int), 'waiting for a batch')
   end subroutine send

   function loss_of(self, which) result(loss)
      class(gpu_engine), intent(inout) :: self
      integer, intent(in) :: which
      real(real64) :: loss

      call check_cuda(cudaEventSynchronize(self%transfers(which)%done), 'a step')
      loss = real(self%norms_here(which), real64)**2 / (real(self%pairs(which), real64) * self%sides(1) * self%sides(2))
   end function loss_of

   function values(self, name) result(found)
      class(gpu_engine), intent(inout) :: self
      character(*), intent(in) :: name
      real(real32), allocatable, target :: found(:)
      type(c_ptr) :: address
      integer :: count

      call address_of(self%net, name, self%pairs(self%last), address, count)
      if (.not. c_associated(address)) count = 0
      allocate (found(count))
      if (count == 0) return
      call check_cuda(cudaMemcpyAsync(c_loc(found), address, 4_c_size_t * count, to_host, self%computing), 'fetching')
      call check_cuda(cudaStreamSynchronize(self%computing), 'fetching')
      if (name == 'output') found = found + &
         reshape(self%slots(self%last)%target(:, :, :, :self%pairs(self%last)), [count])  ! the residual is kept
   end function values

end module cudnn_engine
